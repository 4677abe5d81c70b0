"""The mirror, with real registries and the real regsync in its container."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.paths import PROJECT_FOLDER
from ops.config import REGOPS_FILE, render
from ops.core.files import write_atomic
from ops.registry.read_only import ReadOnlyMode
from ops.tasks.sync.copying import Limits
from ops.tasks.sync.mirror import mirror_of
from ops.tasks.sync.model import EntryState
from ops.tasks.sync.run import sync
from ops.upstream import line
from ops.upstream.budget import Budget
from tests.ops.gateway.test_registry import until
from tests.ops.tasks.sync.mirror_rig import MirrorRig

pytestmark = pytest.mark.system


def test_what_matches_is_copied_once_and_looked_at_by_head_alone(mirror: MirrorRig) -> None:
    digests = {tag: mirror.push("team/app", tag, platforms=2) for tag in ("1.0", "1.1", "2.0", "nightly")}
    mirror.catalogue(mirror.entry("one", "team/app", r"1\.\d+"))
    plan = mirror.plan()["one/team/app"]
    assert sorted(plan["copy"]) == sorted(plan["new"]) == ["1.0", "1.1"]
    assert mirror.fronts["one"].pulls == 0
    done = mirror.sync()["one/team/app"]
    assert done["state"] == "changed", str(done)
    assert mirror.tags("one/team/app") == ["1.0", "1.1"]
    token = mirror.rig.target.token("repository:one/team/app:pull", "admin")
    for tag in ("1.0", "1.1"):
        head = mirror.rig.target.request("HEAD", f"/v2/one/team/app/manifests/{tag}", token, headers={"Accept": "*/*"})
        assert head.headers["docker-content-digest"] == digests[tag]
    before = mirror.fronts["one"].pulls
    assert mirror.sync() == {}, "it is not due yet"
    again = mirror.sync("--force")["one/team/app"]
    assert (again["state"], mirror.fronts["one"].pulls) == ("unchanged", before)
    mirror.push("team/app", "1.1", "moved", platforms=2)
    assert mirror.plan()["one/team/app"]["copy"] == ["1.1"]
    assert mirror.sync("one/team/app")["one/team/app"]["copied"] == ["1.1"]


def test_one_that_hangs_one_without_pulls_and_one_with_a_wrong_login_hold_up_no_other(
    mirror: MirrorRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for repository in ("side/a", "side/b", "side/c"):
        mirror.push(repository, "1", platforms=2)
    hangs, limits, _ = (mirror.fronts[name] for name in ("one", "two", "three"))
    hangs.hang, limits.budget = {"/"}, Budget(100, 20, 21600)
    mirror.catalogue(
        mirror.entry("one", "side/a"),
        mirror.entry("two", "side/b"),
        mirror.entry("three", "side/c"),
        mirror.entry("three", "side/typo"),
    )
    monkeypatch.setattr(line, "READ_LIMIT_S", 3.0)
    told = list[tuple[float, str]]()
    with mirror_of(mirror.stack) as opened:
        began = time.monotonic()
        once = dataclasses.replace(opened, pauses_s=())
        report = sync(once, once.entries, force=True, tell=lambda text: told.append((time.monotonic() - began, text)))
    copied = next(at for at, text in told if text.startswith("three/side/c:1 copied"))
    assert copied < 3, told
    states = {one.entry.repository: one for one in report.results}
    assert states["three/side/c"].state is EntryState.CHANGED
    assert states["three/side/typo"].state is EntryState.FAILED
    assert not next(iter(states["three/side/typo"].failures.values())).passes
    assert states["two/side/b"].state is EntryState.WAITING
    assert "20 are kept for people" in states["two/side/b"].waits
    assert limits.pulls == 0
    assert states["one/side/a"].state is EntryState.FAILED
    assert next(iter(states["one/side/a"].failures.values())).passes
    assert hangs.counted("GET", "tags/list") <= 6, "nobody goes on asking one that does not answer"


def test_a_copy_that_hangs_is_ended_and_the_others_of_its_registry_are_copied(mirror: MirrorRig) -> None:
    mirror.push("hanging/bad", "1")
    mirror.push("hanging/good", "1")
    mirror.fronts["one"].hang = {"/v2/hanging/bad/blobs"}
    mirror.catalogue(mirror.entry("one", "hanging/bad"), mirror.entry("one", "hanging/good"))
    with mirror_of(mirror.stack) as opened:
        limited = dataclasses.replace(opened, limits=Limits(silence_s=3))
        (upstream,) = limited.upstreams(limited.entries, lambda _: None)
        progress, _ = dataclasses.replace(upstream, pauses_s=()).run()
    bad, good = progress
    assert not good.failures
    assert "nothing came from upstream for 3 s" in bad.failures["1"].why
    assert bad.failures["1"].passes
    assert [job.seen.tag for job in good.copied] == ["1"]
    assert mirror.tags("one/hanging/good") == ["1"]


def test_after_five_runs_that_fail_an_entry_is_quarantined_and_retry_takes_it_out(mirror: MirrorRig) -> None:
    mirror.catalogue(mirror.entry("one", "no/such"))
    for tries in range(1, 6):
        one = mirror.sync("--force")["one/no/such"]
        assert (one["state"], one["tries"], one["quarantined"]) == ("failed", tries, tries == 5), one
    assert mirror.sync() == {}
    shown = mirror.regops("sync", "status")
    assert "quarantined" in shown.stdout, shown.stdout
    assert mirror.regops("sync", "retry", "no/such").returncode == 0
    mirror.push("no/such", "1")
    assert mirror.sync()["one/no/such"]["state"] == "changed"


def test_nothing_is_copied_into_the_reserve_of_the_disk_or_in_read_only_mode(mirror: MirrorRig) -> None:
    mirror.push("full/app", "1")
    mirror.catalogue(mirror.entry("one", "full/app"))
    mirror.configure(reserve_gb=10**6)
    one = mirror.sync("--force")["one/full/app"]
    assert one["state"] == "skipped", str(one)
    assert "sync.reserve_gb" in one["waits"]
    mirror.configure(reserve_gb=0)
    file = mirror.rig.read_only_file
    file.touch()
    try:
        one = mirror.sync("--force")["one/full/app"]
    finally:
        file.unlink()
    assert (one["state"], "until its operator ends that" in one["waits"]) == ("waiting", True)
    assert mirror.sync()["one/full/app"]["state"] == "changed"


@contextlib.contextmanager
def copying(mirror: MirrorRig, repository: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `regops sync` on twenty tags, and yield it when it has copied some of them."""
    for number in range(20):
        mirror.push(repository, str(number))
    mirror.fronts["one"].latency_s = 0.1
    mirror.catalogue(mirror.entry("one", repository))
    command = [sys.executable, "-m", "ops.cli", "--root", str(mirror.stack.root), "sync", "--force"]
    with subprocess.Popen(command, cwd=PROJECT_FOLDER, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        until(lambda: len(mirror.tags(f"one/{repository}")) >= 3, "it copies")
        yield process


def test_a_run_that_was_killed_leaves_nothing_that_the_next_one_does_not_mend(mirror: MirrorRig) -> None:
    with copying(mirror, "killed/app") as process:
        process.kill()
    assert len(mirror.tags("one/killed/app")) < 20
    done = mirror.regops("sync", "--force")
    assert done.returncode == 0, done.stderr
    assert "ended 1 runs of regsync" in done.stderr
    assert len(mirror.tags("one/killed/app")) == 20


def test_who_ends_a_run_ends_its_copy(mirror: MirrorRig) -> None:
    with copying(mirror, "ended/app") as process:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    count = len(mirror.tags("one/ended/app"))
    time.sleep(2)
    assert len(mirror.tags("one/ended/app")) == count < 20
    mirror.fronts["one"].latency_s = 0
    assert len(mirror.sync()["one/ended/app"]["copied"]) == 20 - count


def test_a_copy_goes_on_while_a_collection_holds_writes_again_and_again(mirror: MirrorRig) -> None:
    """As its sweeps do, slice by slice; what it deletes meanwhile is tested where it is."""
    for number in range(30):
        mirror.push("collected/app", str(number), platforms=2)
    mirror.fronts["one"].latency_s = 0.02
    mirror.catalogue(mirror.entry("one", "collected/app"))
    stop, held = threading.Event(), list[float]()

    def hold() -> None:
        while not stop.wait(0.2):
            mode = ReadOnlyMode(mirror.rig.read_only_file)
            mode.turn_on("gc", "deletes blobs")
            held.append(time.monotonic())
            stop.wait(0.4)
            mode.turn_off()

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        try:
            one = mirror.sync("--force")["one/collected/app"]
        finally:
            stop.set()
            holding.result(60)
    assert (one["state"], len(one["copied"]), one["failures"]) == ("changed", 30, {}), str(one)
    assert len(held) > 3


def test_as_many_pulls_are_spent_as_were_predicted_and_what_needs_more_waits(mirror: MirrorRig) -> None:
    front = mirror.fronts["two"]
    for tag in ("1", "2"):
        mirror.push("counted/app", tag, platforms=3)
    mirror.catalogue(mirror.entry("two", "counted/app"))
    mirror.sync("--force")
    for tag in ("1", "2"):
        mirror.push("counted/app", tag, f"moved {tag}", platforms=3)
    front.budget, front.requests = Budget(100, 28, 21600), []
    assert mirror.plan()["two/counted/app"]["manifests"] == 8
    assert mirror.sync("--force")["two/counted/app"]["state"] == "changed"
    assert front.pulls == 8
    mirror.push("counted/app", "1", "again", platforms=3)
    one = mirror.sync("--force")["two/counted/app"]
    assert (one["state"], front.pulls) == ("waiting", 8), str(one)
    front.budget = Budget(100, 24, 21600)
    assert mirror.sync()["two/counted/app"]["copied"] == ["1"], "it goes on by itself"


def test_a_login_that_is_missing_here_and_pulls_that_are_used_up_upstream_hold_up_no_other(mirror: MirrorRig) -> None:
    for repository in ("lacking/a", "lacking/b", "lacking/c"):
        mirror.push(repository, "1")
    one, two = mirror.fronts["one"], mirror.fronts["two"]
    two.budget = Budget(100, 0, 21600)
    two.token, two.busy_tokens = True, 100
    mirror.catalogue(mirror.entry("one", "lacking/a"), mirror.entry("two", "lacking/b"), mirror.entry("three", "lacking/c"))
    config = mirror.stack.config
    try:
        lacking = config.model_copy(update={"upstream_logins": {one.address: ("no_user", "no_token")}})
        write_atomic(mirror.stack.root / "current" / REGOPS_FILE, render(lacking))
        done = mirror.sync("--force")
    finally:
        write_atomic(mirror.stack.root / "current" / REGOPS_FILE, render(config))
        two.busy_tokens = 0
    assert "no_user" in done["one/lacking/a"]["failures"][""]
    assert (done["two/lacking/b"]["state"], done["two/lacking/b"]["tries"]) == ("waiting", 0), str(done["two/lacking/b"])
    assert done["three/lacking/c"]["state"] == "changed"
