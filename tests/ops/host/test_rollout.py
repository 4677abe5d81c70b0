"""New containers take over from those before, and go back when one of them does not become healthy. On a real engine."""

from __future__ import annotations

import contextlib
import io
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from infra.paths import cache_folder
from ops.config import NewContainer, OneWay, Rollout, render
from ops.core.labels import ROOT_LABEL, SERVICE_LABEL, VERSION_LABEL
from ops.core.layout import CURRENT
from ops.host.releases import CONFIRMED, point
from ops.stack.rollout import main
from tests.free_ports import free_port
from tools.bootstrap.docker_engine import ensure_docker
from tools.offline.images import ensure_images

pytestmark = pytest.mark.system

HEALTHY = "touch /tmp/ok; exec sleep 600"
REFUSES = "echo 'unknown directive: retires' >&2; exit 3"
SECOND = 10**9
ONE_WAY = OneWay(at="minor", why="it migrates its database")


@dataclass
class Rig:
    """A stack of containers that only this test has."""

    root: Path
    engine: docker.DockerClient
    image: str
    name: str
    wanted: list[NewContainer] = field(default_factory=list)

    def create(self, service: str, script: str = HEALTHY, *, version: str = "1.0.0", **more: Any) -> Container:
        """Create a container as the program does: it is not started, and has a name of its own."""
        return self.engine.containers.create(
            self.image,
            ["-c", script],
            entrypoint=["/bin/sh"],
            name=f"{service}-container-{secrets.token_hex(4)}",
            labels={ROOT_LABEL: str(self.root), SERVICE_LABEL: service, VERSION_LABEL: version},
            healthcheck={"test": ["CMD", "test", "-e", "/tmp/ok"], "interval": SECOND // 5, "retries": 3},  # noqa: S108  # in the container
            restart_policy={"Name": "always", "MaximumRetryCount": 0},
            stop_signal="SIGKILL",
            nano_cpus=SECOND // 4,
            network=self.name,
            **more,
        )

    def want(self, service: str, container: Container, **more: Any) -> NewContainer:
        values = {"service": service, "name": f"{self.name}-{service}", "container": str(container.id), "cpus": 0.25, **more}
        return NewContainer.model_validate(values)

    def roll_out(self, *wanted: NewContainer) -> int:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", io.StringIO(render(Rollout(services=wanted))))
            return main(["--root", str(self.root)])

    def running(self) -> dict[str, str]:
        """Return the ids of all that run, by name."""
        found = self.engine.containers.list(filters={"label": f"{ROOT_LABEL}={self.root}"})
        return {str(one.name).removeprefix(f"{self.name}-"): str(one.id) for one in found}


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    host = ensure_docker()
    monkeypatch.setenv("DOCKER_HOST", host)
    with contextlib.closing(docker.DockerClient(base_url=host)) as engine:
        image = ensure_images(["caddy"], engine, cache_folder("offline"))["caddy"].reference
        name = f"test-rollout-{secrets.token_hex(3)}"
        network = engine.networks.create(name, driver="bridge")  # a second engine in tests may take the default one away
        yield Rig(tmp_path, engine, image, name)
        for one in engine.containers.list(all=True, filters={"label": f"{ROOT_LABEL}={tmp_path}"}):
            one.remove(force=True, v=True)
        network.remove()


def test_new_containers_take_over_and_get_the_names_of_their_services(rig: Rig) -> None:
    first = rig.create("a"), rig.create("b")
    assert rig.roll_out(rig.want("a", first[0]), rig.want("b", first[1], after=["a"])) == 0
    assert rig.running() == {"a": first[0].id, "b": first[1].id}
    second = rig.create("a"), rig.create("b")
    assert rig.roll_out(rig.want("a", second[0], alongside=True), rig.want("b", second[1])) == 0
    assert rig.running() == {"a": second[0].id, "b": second[1].id}
    started = [one.attrs["State"]["StartedAt"] for one in map(reloaded, second)]
    assert rig.roll_out(rig.want("a", second[0], alongside=True), rig.want("b", second[1])) == 0
    assert [one.attrs["State"]["StartedAt"] for one in map(reloaded, second)] == started


@pytest.mark.parametrize("alongside", [True, False])
def test_what_does_not_become_healthy_is_put_back_with_all_that_changed_with_it(
    rig: Rig, capsys: pytest.CaptureFixture[str], *, alongside: bool
) -> None:
    before = rig.create("a"), rig.create("b")
    assert rig.roll_out(rig.want("a", before[0]), rig.want("b", before[1])) == 0
    refusing, other, added = rig.create("a", REFUSES), rig.create("b"), rig.create("c")
    wanted = [rig.want("a", refusing, alongside=alongside), rig.want("b", other), rig.want("c", added)]
    for _ in range(2):  # the next `up` finds the same
        assert rig.roll_out(*wanted) == 1
        told = capsys.readouterr().err
        assert "a: the new container does not run: it ended with exit code 3" in told
        assert "unknown directive: retires" in told
        assert f"docker logs {rig.name}-a-{str(refusing.id)[:7]}" in told
        assert "Put back as before, image and configuration: a, b." in told
        assert rig.running() == {"a": before[0].id, "b": before[1].id, "c": added.id}
    mended = rig.create("a")
    assert rig.roll_out(rig.want("a", mended), *wanted[1:]) == 0
    assert rig.running() == {"a": mended.id, "b": other.id, "c": added.id}


@pytest.mark.parametrize("fails", [False, True])
def test_a_program_has_a_whole_core_while_it_starts_and_its_own_limit_afterwards(rig: Rig, *, fails: bool) -> None:
    # On an engine with the old hierarchy of control groups the files have other names.
    quota = "cat /sys/fs/cgroup/cpu.max 2>/dev/null || cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us"
    one = rig.create("a", f"{quota} >&2; {REFUSES if fails else HEALTHY}")
    assert rig.roll_out(rig.want("a", one)) == int(fails)
    assert one.logs().split()[0] == b"100000"
    assert reloaded(one).attrs["HostConfig"]["NanoCpus"] == SECOND // 4


def test_nothing_is_done_while_neither_runs_that_could_be_done_before(rig: Rig) -> None:
    before = rig.create("a")
    rig.roll_out(rig.want("a", before))
    after, since = rig.create("a"), int(time.time())
    assert rig.roll_out(rig.want("a", after)) == 0
    told = {"container": [str(before.id), str(after.id)], "event": ["update", "kill", "die", "start"]}
    events = rig.engine.events(since=since, until=int(time.time()) + 1, decode=True, filters=told)
    seen = [(one["id"], one["Action"]) for one in events]
    # What has happened in the same second before.
    seen = [one for one in seen if one not in {(before.id, "update"), (before.id, "start")}]
    assert seen[:4] == [(after.id, "update"), (before.id, "kill"), (before.id, "die"), (after.id, "start")]


def test_one_that_may_run_alongside_is_replaced_without_a_gap(rig: Rig) -> None:
    before = rig.create("a")
    rig.roll_out(rig.want("a", before))
    after = rig.create("a")
    assert rig.roll_out(rig.want("a", after, alongside=True)) == 0
    ended = reloaded(before).attrs["State"]["FinishedAt"]
    (healthy, *_) = [check["Start"] for check in reloaded(after).attrs["State"]["Health"]["Log"] if check["ExitCode"] == 0]
    assert healthy < ended


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("exec sleep 600", "a: the new container does not run: it is unhealthy\nlast healthcheck:"),
        ("exec /no/such/program", "not found"),
    ],
    ids=["unhealthy", "broken"],
)
def test_its_last_words_are_told(rig: Rig, capsys: pytest.CaptureFixture[str], script: str, told: str) -> None:
    before = rig.create("a")
    rig.roll_out(rig.want("a", before))
    assert rig.roll_out(rig.want("a", rig.create("a", script), alongside=True)) == 1
    assert told in capsys.readouterr().err
    assert rig.running() == {"a": before.id}


def test_a_taken_port_is_told_and_the_one_before_has_its_own_again(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    port, taken = free_port(), free_port()
    other = rig.create("other", ports={"80/tcp": ("127.0.0.1", taken)})
    before = rig.create("edge", ports={"80/tcp": ("127.0.0.1", port)})
    assert rig.roll_out(rig.want("other", other), rig.want("edge", before)) == 0
    moved = rig.create("edge", ports={"80/tcp": ("127.0.0.1", taken)})
    assert rig.roll_out(rig.want("other", other), rig.want("edge", moved)) == 1
    assert f"127.0.0.1:{taken}" in capsys.readouterr().err
    assert rig.running() == {"other": other.id, "edge": before.id}
    assert reloaded(before).ports["80/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": str(port)}]


def test_an_upgrade_without_a_way_back_asks_first(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    before = rig.create("a", version="1.2.0")
    rig.roll_out(rig.want("a", before, version="1.2.0", one_way=ONE_WAY))
    patched = rig.create("a", version="1.2.9")
    assert rig.roll_out(rig.want("a", patched, version="1.2.9", one_way=ONE_WAY)) == 0
    newer = rig.create("a", version="1.3.0")
    wanted = rig.want("a", newer, version="1.3.0", one_way=ONE_WAY)
    assert rig.roll_out(wanted) == 1
    told = capsys.readouterr().err
    assert "a: from 1.2.9 to 1.3.0 there is no way back: it migrates its database" in told
    assert "one_way: [a@1.3.0]" in told
    assert rig.running() == {"a": patched.id}
    assert rig.roll_out(wanted.model_copy(update={"accepted": True})) == 0
    assert rig.running() == {"a": newer.id}


def test_what_may_have_changed_its_data_for_good_is_not_put_back(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    before = rig.create("a", version="1.2.0")
    rig.roll_out(rig.want("a", before, version="1.2.0"))
    newer = rig.create("a", REFUSES, version="2.0.0")
    assert rig.roll_out(rig.want("a", newer, version="2.0.0", one_way=ONE_WAY, accepted=True)) == 1
    assert "a: it is stopped, since its data may have changed for good" in capsys.readouterr().err
    assert rig.running() == {}


def test_a_full_disk_is_told_before_anything_is_stopped(
    rig: Rig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rig.create("a")
    rig.roll_out(rig.want("a", before))
    monkeypatch.setattr("ops.host.rollout._SPACE_MIB", 2**40)
    assert rig.roll_out(rig.want("a", rig.create("a"))) == 1
    assert "MiB are free at" in capsys.readouterr().err
    assert rig.running() == {"a": before.id}


def test_another_number_of_cpu_cores_is_taken_without_a_restart(rig: Rig) -> None:
    one = rig.create("a")
    rig.roll_out(rig.want("a", one))
    started = reloaded(one).attrs["State"]["StartedAt"]
    assert rig.roll_out(rig.want("a", one, cpus=0.5)) == 0
    assert one.id is not None
    found = rig.engine.containers.get(one.id).attrs
    assert (found["HostConfig"]["NanoCpus"], found["State"]["StartedAt"]) == (SECOND // 2, started)


def test_a_rollout_that_was_killed_is_begun_again(rig: Rig) -> None:
    before, after = rig.create("a"), rig.create("a")
    rig.roll_out(rig.want("a", before))
    # Both run, and the new one has not got its name yet; or the one before has lost it.
    after.start()
    assert rig.roll_out(rig.want("a", after, alongside=True)) == 0
    assert rig.running() == {"a": after.id}
    last = rig.create("a")
    last.start()
    after.rename(f"{rig.name}-a-old")
    assert rig.roll_out(rig.want("a", last, alongside=True)) == 0
    assert rig.running() == {"a": last.id}


def test_a_stopped_container_is_started(rig: Rig) -> None:
    one = rig.create("a")
    rig.roll_out(rig.want("a", one))
    one.stop()
    assert rig.roll_out(rig.want("a", one)) == 0
    assert rig.running() == {"a": one.id}


def test_the_one_before_reads_the_hot_reloaded_part_that_it_has_taken(rig: Rig) -> None:
    live = rig.root / "live" / "a"
    for name in ("one", "two"):
        (live / name).mkdir(parents=True)
    point(live / CURRENT, "two")
    point(live / CONFIRMED, "one")
    before, beside = rig.create("a"), rig.create("b")
    others = [rig.want("b", beside)]
    rig.roll_out(rig.want("a", before, hot_reloaded=["live/a"]), *others)
    assert rig.roll_out(rig.want("a", rig.create("a", REFUSES), hot_reloaded=["live/a"]), *others) == 1
    assert (live / CURRENT).readlink().name == "one"
    # Another service's fault: this one is not even replaced, but nothing will tell it to reload.
    point(live / CURRENT, "two")
    assert rig.roll_out(rig.want("a", before, hot_reloaded=["live/a"]), rig.want("b", rig.create("b", REFUSES))) == 1
    assert (live / CURRENT).readlink().name == "one"


def reloaded(container: Container) -> Container:
    container.reload()
    return container


def test_a_missing_container_is_named(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    gone = rig.create("a")
    gone.remove()
    begun = time.monotonic()
    assert rig.roll_out(rig.want("a", gone)) == 1
    assert "a: its container" in capsys.readouterr().err
    assert time.monotonic() - begun < 10
