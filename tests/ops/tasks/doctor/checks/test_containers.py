"""Checks of services, on real containers: missing, stopped, unhealthy, with other limits."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from infra.paths import cache_folder
from ops.config import REGOPS_FILE, RegopsConfig, ServiceLimits, render
from ops.core.files import write_atomic
from ops.core.findings import Check
from ops.core.process import run
from ops.stack.stack import Stack
from ops.tasks.doctor.checks.containers import service_checks
from tools.bootstrap.docker_engine import ensure_docker
from tools.offline.images import ensure_images

pytestmark = pytest.mark.system

LIMITS = ServiceLimits(cpus=0.25, memory_mib=64)


class Machine:
    """A stack whose services are started one by one."""

    def __init__(self, folder: Path, engine: docker.DockerClient, image: str, removed: contextlib.ExitStack) -> None:
        self.name = f"test-{os.getpid()}-{secrets.token_hex(3)}"
        self.stack = Stack(folder)
        self._engine, self.image, self._removed = engine, image, removed
        self.tell({})

    def tell(self, images: dict[str, str]) -> None:
        """Write what `regops` reads, with the images of the release."""
        config = RegopsConfig(
            stack=self.name, services={"cache": LIMITS}, images=images, url="https://registry.example.com", data="data"
        )
        write_atomic(self.stack.root / "current" / REGOPS_FILE, render(config))
        self.stack = Stack(self.stack.root)

    def runs(self, command: list[str], service: str = "cache", **options: Any) -> Container:
        options = {"mem_limit": "64m", "memswap_limit": "64m", "nano_cpus": 250_000_000, **options}
        container = self._engine.containers.create(
            self.image, command, name=f"{self.name}-{service}", network_mode="none", stop_signal="SIGKILL", **options
        )
        self._removed.callback(container.remove, force=True)
        container.start()
        return container

    def check(self) -> Check:
        (check,) = service_checks(self.stack)
        return check


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setenv("DOCKER_HOST", ensure_docker())
    with contextlib.closing(docker.from_env()) as engine, contextlib.ExitStack() as removed:
        image = ensure_images(["redis"], engine, cache_folder("offline"))["redis"].reference
        yield Machine(tmp_path, engine, image, removed)


def test_a_service_with_its_limits_is_ok(machine: Machine) -> None:
    machine.runs(["sleep", "60"])
    machine.runs(["sleep", "60"], service="cache-of-another-name")
    assert (machine.check().state, machine.check().detail) == ("ok", "all 1 are running and healthy, with the right limits")


def test_a_missing_service_is_named(machine: Machine) -> None:
    assert (machine.check().name, machine.check().state, machine.check().remedy) == ("cache", "failed", "run `up`")


def test_a_stopped_service_is_named_with_its_exit_code(machine: Machine) -> None:
    machine.runs(["sh", "-c", "exit 7"]).wait()
    assert machine.check().detail == "not running: exited, exit code 7"
    assert f"docker logs {machine.name}-cache" in machine.check().remedy


@pytest.mark.parametrize(("by_hand", "state"), [("stop", "exited, exit code 137"), ("pause", "paused")])
def test_what_somebody_has_stopped_runs_again_by_the_remedy(machine: Machine, by_hand: str, state: str) -> None:
    getattr(machine.runs(["sleep", "60"]), by_hand)()
    assert machine.check().detail == f"not running: {state}"
    command = machine.check().remedy.split("`")[1]
    run(command.split(), timeout=20)
    assert machine.check().state == "ok"


def ends(code: str, times: int = 1) -> list[str]:
    """A command that ends by itself some times, and then runs on."""
    count = f"n=$(cat /tmp/n || echo 0); echo $((n + 1)) > /tmp/n; [ $n -lt {times} ] && {code}"
    return ["sh", "-c", f"{count}; exec sleep 60"]


def becomes(machine: Machine, state: str, detail: str = "") -> Check:
    deadline = time.monotonic() + 20
    while (check := machine.check()).state != state or not check.detail.endswith(detail):
        assert time.monotonic() < deadline, check
        time.sleep(0.1)
    return check


def later(monkeypatch: pytest.MonkeyPatch, hours: float) -> None:
    now = time.time() + hours * 3600
    monkeypatch.setattr("ops.tasks.doctor.checks.past.time.time", lambda: now)
    monkeypatch.setattr("ops.tasks.doctor.checks.past._up_s", lambda: now)


AGAIN = {"Name": "unless-stopped"}


def test_a_service_that_restarted_often_is_well_again_once_it_runs_for_long(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.runs(ends("exit 1", times=4), restart_policy=AGAIN)
    assert becomes(machine, "warning").detail.startswith("ended by itself, last ")
    later(monkeypatch, 1.1)
    assert machine.check().state == "ok"


def test_services_that_end_while_others_start_are_no_news(machine: Machine) -> None:
    container = machine.runs(ends("exit 1"), restart_policy=AGAIN)
    deadline = time.monotonic() + 20
    while container.attrs["State"]["Status"] != "running" or not container.attrs["RestartCount"]:
        assert time.monotonic() < deadline, container.attrs
        time.sleep(0.1)
        container.reload()
    assert machine.check().state == "ok"


@pytest.mark.parametrize("fault", ["exit 1", "exec tail /dev/zero"], ids=["crash", "OOM kill"])
def test_what_has_ended_by_itself_is_told_for_a_day(machine: Machine, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr("ops.tasks.doctor.checks.past._SETTLED_S", 0.0)
    machine.runs(ends(fault), restart_policy=AGAIN)
    # Until it is started again, something else is told.
    check = becomes(machine, "warning", "and was started again (restarts: 1)")
    assert "raise limits.cache.memory_mib" in check.remedy
    later(monkeypatch, 23.9)
    assert machine.check().state == "warning"
    later(monkeypatch, 24.1)
    assert machine.check().state == "ok"


def test_processes_that_were_oom_killed_are_told_until_the_container_is_restarted(machine: Machine) -> None:
    machine.runs(["sh", "-c", "[ -e /tmp/once ] || { touch /tmp/once; tail /dev/zero; }; exec sleep 60"])
    check = becomes(machine, "warning")
    assert check.detail == "its memory limit is too low: since it started, 1 of its processes were OOM-killed"
    run(check.remedy.split("`")[3].split(), timeout=20)
    assert machine.check().state == "ok"


@pytest.mark.parametrize(("command", "state"), [("true", "ok"), ("false", "failed")])
def test_what_its_healthcheck_says_counts(machine: Machine, command: str, state: str) -> None:
    check = {"test": ["CMD", command], "interval": 100_000_000, "retries": 1}
    container = machine.runs(["sleep", "60"], healthcheck=check)
    assert machine.check().state in {"warning", state}
    deadline = time.monotonic() + 10
    while machine.check().state == "warning":
        assert time.monotonic() < deadline, container.attrs
        time.sleep(0.05)
    assert machine.check().state == state


def test_other_limits_are_seen(machine: Machine) -> None:
    machine.runs(["sleep", "60"], nano_cpus=500_000_000)
    assert machine.check().state == "failed"
    assert "0.5" in machine.check().detail


def test_swap_beyond_the_memory_is_seen(machine: Machine) -> None:
    machine.runs(["sleep", "60"], memswap_limit="128m")
    assert machine.check().state == "failed"


def test_images_from_outside_the_release_are_reported(machine: Machine) -> None:
    machine.runs(["sleep", "60"])
    machine.tell({"cache": machine.image})
    services, versions = service_checks(machine.stack)
    assert (services.state, versions.state, versions.detail) == ("ok", "ok", "1 run the images of this release")
    another = "redis:8.0.1@sha256:" + "0" * 64
    machine.tell({"cache": another, "gateway": another})
    services, versions = service_checks(machine.stack)
    assert (services.state, versions.state) == ("ok", "warning")
    assert versions.detail == f"cache runs {machine.image} instead of {another}"
    assert versions.remedy


def test_an_image_under_another_name_is_the_same(machine: Machine) -> None:
    machine.runs(["sleep", "60"])
    with contextlib.closing(docker.from_env()) as engine:
        same = engine.images.get(machine.image)
        tag = next((tag for tag in same.tags if tag != machine.image), str(same.id))
    machine.tell({"cache": tag})
    assert service_checks(machine.stack)[1].state == "ok"


def test_an_engine_that_does_not_answer_is_reported(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{machine.stack.root}/none.sock")
    assert machine.check().state == "failed"
    assert f"no Docker engine answers at unix://{machine.stack.root}/none.sock: No such file" in machine.check().detail
