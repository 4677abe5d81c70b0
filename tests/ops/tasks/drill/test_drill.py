"""Drills with a real restic, and a real registry in a container: what passes, what fails, and what a killed one leaves."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from infra.paths import PROJECT_FOLDER
from ops.backups.standing import standing_of
from ops.core import exit_codes
from ops.core.process import run
from ops.tasks.drill.model import DrillOptions, DrillReport, lines_of
from ops.tasks.drill.proof import ProofError, proofs_of, verified
from ops.tasks.drill.run import drill, preview
from ops.tasks.drill.scratch import LABEL
from ops.tasks.drill.state import opened
from tests.ops.backups.backup_rig import BackupRig
from tests.ops.command_line import regops
from tests.ops.tasks.drill.drill_rig import docker_engine, with_a_backup
from tests.ops.tasks.gc.gc_rig import Image, digest_of

pytestmark = pytest.mark.system

_KILLED = """
import os, signal, sys
from pathlib import Path
from ops.stack.stack import Stack
from ops.tasks.drill.model import DrillOptions
from ops.tasks.drill.run import drill
drill(Stack(Path(sys.argv[1])), DrillOptions(), lambda step: os.kill(os.getpid(), signal.SIGKILL) if step == "serving" else None)
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    with docker_engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[BackupRig]:
    with with_a_backup(tmp_path_factory.mktemp("rig"), engine) as rig:
        yield rig


@pytest.fixture(scope="module")
def passed(rig: BackupRig) -> DrillReport:
    return drilled(rig)


def drilled(rig: BackupRig, options: DrillOptions = DrillOptions()) -> DrillReport:  # noqa: B008
    return drill(rig.stack, options, lambda _: None)


def left_behind(rig: BackupRig, engine: docker.DockerClient) -> list[object]:
    found = engine.containers.list(all=True, filters={"label": f"{LABEL}={rig.stack.root}"})
    return [*found, *(rig.stack.root / "data/backup").glob("drill*")]


def test_a_sample_is_restored_served_and_compared_and_nothing_stays(
    rig: BackupRig, engine: docker.DockerClient, passed: DrillReport
) -> None:
    report = passed
    assert report.problems == []
    assert report.notes == []
    assert (report.tags, report.manifests, report.blobs) == (4, 4, 12)
    assert report.repositories == ["regops/canary", "team/app"]
    assert report.image == rig.stack.config.images["registry"]
    assert (report.moved, report.gone) == ([], [])
    assert report.databases == 1
    assert report.size > 0
    assert report.rate > 0
    assert report.rto_s is not None
    assert 0 <= report.rpo_s < 60
    assert left_behind(rig, engine) == []
    assert report.exit_code == exit_codes.OK
    text = "\n".join(lines_of(report.document()))
    assert "passed" in text
    assert "RTO:" in text
    known = standing_of(rig.stack).drilled
    assert known
    assert (known.passed, known.name, known.last_passed) == (True, report.backup, known.at)
    assert {"bytes_per_second", "rto_seconds", "rpo_seconds", "passed"} <= known.figures.keys()


def test_what_was_reported_is_signed_and_a_changed_report_is_seen(rig: BackupRig, tmp_path: Path, passed: DrillReport) -> None:
    report = passed
    proof = proofs_of(rig.stack).get()
    assert proof.report["backup"] == report.backup
    assert proof.report["at"] == report.at
    kept = rig.stack.data / "backups/drills" / f"{proof.name}.json"
    copy = tmp_path / kept.name
    copy.write_bytes(kept.read_bytes())
    assert verified(copy, key=proof.key).report == proof.report
    with pytest.raises(ProofError, match="another key"):
        verified(copy, key="x" * 43)
    copy.write_text(kept.read_text().replace(report.at, "2031-01-01T00:00:00+00:00"))
    with pytest.raises(ProofError, match="was changed"):
        verified(copy)
    copy.write_text("{}")
    with pytest.raises(ProofError, match="is not what was signed"):
        verified(copy)
    for words in (["show"], ["verify", str(kept), "--key", proof.key]):
        assert regops(rig.stack.root, "drill", *words).returncode == 0
    assert regops(rig.stack.root, "drill", "verify", str(copy)).returncode == exit_codes.MISMATCH


def test_what_production_serves_by_now_is_told(rig: BackupRig) -> None:
    client = rig.registry.client
    client.push("team/app", "v1", Image("moved"))
    client.delete("team/app", "v2")
    report = drilled(rig)
    assert report.passed, "that is no fault of the backup"
    assert (report.moved, report.gone) == (["team/app:v1"], ["team/app:v2"])
    for tag in ("v1", "v2"):
        client.push("team/app", tag, Image(tag))


def test_blobs_that_come_back_damaged_or_not_at_all_fail_the_drill(rig: BackupRig) -> None:
    damaged, lost = (digest_of(one) for one in Image("v1").blobs[1:3])

    def damage(step: str) -> None:
        if step == "restored":
            pool = rig.stack.root / "data/backup/drill/restored/pool"
            (blob,) = pool.rglob(damaged)
            blob.chmod(0o600)
            blob.write_bytes(b"something else")
            next(pool.rglob(lost)).unlink()

    before = standing_of(rig.stack).drilled
    report = drill(rig.stack, DrillOptions(), damage)
    assert len(report.problems) == 2
    told = "\n".join(report.problems)
    assert f"{damaged} has the digest sha256:" in told
    assert f"{lost} is not served" in told
    assert report.exit_code == exit_codes.MISMATCH
    known = standing_of(rig.stack).drilled
    assert before
    assert known
    assert (known.passed, known.last_passed) == (False, before.last_passed)
    assert "does not come back" in known.summary
    assert rig.registry.client.pull("team/app", "v1") == [], "the live registry has nothing of it"


def test_a_killed_drill_leaves_nothing_that_the_next_one_does_not_remove(rig: BackupRig, engine: docker.DockerClient) -> None:
    done = run([sys.executable, "-c", _KILLED, str(rig.stack.root)], timeout=60, cwd=PROJECT_FOLDER, check=False)
    assert done.returncode == -signal.SIGKILL, done
    (container,) = engine.containers.list(filters={"label": f"{LABEL}={rig.stack.root}"})
    host = container.attrs["HostConfig"]
    assert (host["NetworkMode"], host["ReadonlyRootfs"], host["CapDrop"]) == ("none", True, ["ALL"])
    assert host["Memory"] == host["MemorySwap"] > 0
    assert host["NanoCpus"] > 0
    assert all(mount["RW"] is False for mount in container.attrs["Mounts"])
    report = drilled(rig, DrillOptions(size=1500))
    assert report.passed
    assert 0 < report.tags < 4
    assert "larger than what was left of 1500 bytes" in report.notes[0], "what does not fit is said"
    assert left_behind(rig, engine) == []


def test_an_image_that_is_nowhere_is_said_and_todays_is_used(rig: BackupRig) -> None:
    image = rig.stack.config.images["registry"]
    rig.configure(rig.stack.config.backup, {"registry": "127.0.0.1:1/nowhere@sha256:" + "0" * 64}).back_up()
    report = drilled(rig.configure(rig.stack.config.backup, {"registry": image}))
    assert report.passed
    assert "cannot be had" in report.notes[0]
    assert report.image == image


def test_a_dry_run_restores_nothing(rig: BackupRig) -> None:
    plan = preview(rig.stack, DrillOptions(repositories=1))
    assert plan.of == 4
    assert {"regops/canary:doctor", "team/app:v1"} <= set(plan.tags)
    assert not (rig.stack.root / "data/backup/drill").exists()


def test_state_that_does_not_open_is_named(tmp_path: Path) -> None:
    state, root = tmp_path / "state", tmp_path / "root"
    damaged = state / "data/regops/changes.db"
    damaged.parent.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(damaged)) as database:
        database.executescript("CREATE TABLE records (digest TEXT); INSERT INTO records VALUES (hex(randomblob(9000)))")
    content = bytearray(damaged.read_bytes())
    content[4096 : 4096 + 64] = b"\xff" * 64
    damaged.write_bytes(content)
    for name, text in {"data/edge/account.json": "{", "current/regops/regops.json": "{}", "data/registry/x": ""}.items():
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_text(text)
    (root / "data/gateway").mkdir(parents=True)
    (root / "data/gateway/events.db").touch()
    problems = "\n".join(opened(state, root).problems)
    for expected in (
        "secrets/backup/password is missing",
        "changes.db is a damaged database",
        "account.json is no JSON",
        "regops.json cannot be read",
        "data/registry/x should not be in a backup",
        "state/data/gateway is missing, and is here",
    ):
        assert expected in problems
