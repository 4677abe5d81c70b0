"""What goes wrong while a production stack is made: `up` says it, and the next `up` finishes the job."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulation.stack import EmulatedStack
from ops.process import Completed
from tests.engine.client import client
from tests.engine.servers import Server, docker_is_broken, docker_is_mended, production

ADDRESS = "127.0.0.62"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[EmulatedStack]:
    with production(
        tmp_path, ADDRESS, monitoring={"enabled": False}, hetzner={"ssh_from": ["0.0.0.0/0"], "storage_box": False}
    ) as made:
        yield made


def told(completed: Completed) -> str:
    return completed.stdout + completed.stderr


def test_an_api_that_is_busy_or_away_for_a_moment_is_asked_again(stack: EmulatedStack) -> None:
    stack.api.faults.rate_limit("POST", "/firewalls", times=2)
    stack.api.faults.unavailable("POST", "/placement_groups")
    first = stack.stack.up(check=False)
    if first.returncode != 0:  # whatever the plugin does not try again by itself is the next run's
        assert "503" in told(first) or "unavailable" in told(first)
        stack.stack.up()
    stack.stack.up("--expect-no-changes")


def test_a_server_without_docker_is_told_and_completed_by_the_next_up(
    stack: EmulatedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot, booted = stack.machines.boot, []

    def broken(server: object) -> None:
        boot(server)  # type: ignore[arg-type]
        booted.append(server.id)  # type: ignore[attr-defined]
        docker_is_broken(stack.machines, booted[0])

    monkeypatch.setattr(stack.machines, "boot", broken)
    failed = stack.stack.up(check=False)
    assert failed.returncode != 0
    assert "docker.service is masked" in told(failed)
    assert "Traceback" not in told(failed)
    docker_is_mended(stack.machines, booted[0])
    stack.stack.up()
    stack.stack.up("--expect-no-changes")


def test_connections_cut_in_the_middle_are_made_up_for_by_the_next_up(stack: EmulatedStack) -> None:
    server, over = Server(stack), threading.Event()
    cut: list[int] = []

    def cut_connections() -> None:
        while not over.wait(0.1):
            found = client().containers.list(filters={"name": f"{stack.name}-server-"})
            if found and found[0].exec_run(["test", "-e", "/srv/private-registry/current"]).exit_code == 0:
                for _ in range(20):
                    cut.append(found[0].exec_run(["pkill", "sshd-session"]).exit_code or 0)
                    time.sleep(0.1)
                return

    cutter = threading.Thread(target=cut_connections)
    cutter.start()
    failed = stack.stack.up(check=False)
    over.set()
    cutter.join()
    assert 0 in cut
    assert failed.returncode != 0
    stack.stack.up()
    stack.stack.up("--expect-no-changes")
    assert f"{stack.name}-registry" in server.containers()
