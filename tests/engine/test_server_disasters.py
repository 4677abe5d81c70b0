"""Failures while a production stack is created: `up` reports them, and the next `up` finishes the job."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ops.core.process import Completed
from tests.engine.client import client
from tests.engine.servers import Server, docker_is_broken, docker_is_mended, production
from tools.emulation.machines import ServerSpec
from tools.emulation.stack import EmulatedStack

ADDRESS = "127.0.0.62"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[EmulatedStack]:
    with production(
        tmp_path, ADDRESS, monitoring={"enabled": False}, hetzner={"ssh_from": ["0.0.0.0/0"], "storage_box": False}
    ) as made:
        yield made


def told(completed: Completed) -> str:
    return completed.stdout + completed.stderr


def completed(stack: EmulatedStack) -> None:
    """Stop all failures and check that the next `up` finishes the job: everything exists, exactly once."""
    stack.api.faults.clear()
    stack.stack.up()
    is_complete(stack)


def is_complete(stack: EmulatedStack) -> None:
    """Check that everything exists, exactly once, and that nothing is left to do."""
    stack.stack.up("--expect-no-changes")
    with stack.api.state.lock:
        state = stack.api.state
        rented = (state.servers, state.firewalls, state.ssh_keys, state.placement_groups)
        assert [len(store) for store in rented] == [1, 1, 1, 1]
        assert sorted(address.type for address in state.primary_ips) == ["ipv4", "ipv6"]
    assert f"{stack.name}-registry" in Server(stack).containers()


def test_an_api_that_is_busy_or_slow_for_a_moment_is_waited_for(stack: EmulatedStack) -> None:
    stack.api.faults.rate_limit("POST", "/firewalls", times=2)
    stack.api.faults.hang("POST", "/placement_groups", seconds=5)
    stack.api.faults.hang("POST", "/servers", seconds=5)
    stack.stack.up()
    is_complete(stack)


def test_an_api_that_is_away_or_gives_no_answer_is_told_and_made_up_for_by_the_next_up(stack: EmulatedStack) -> None:
    stack.api.faults.unavailable("POST", "/ssh_keys", times=1000)
    stack.api.faults.close("POST", "/firewalls", times=1000)
    stack.api.faults.close("POST", "/primary_ips", times=1000, after_s=1)
    # Without --continue-on-error the first failure keeps the engine from trying the other two.
    failed = stack.stack.up("--continue-on-error", check=False)
    assert failed.returncode != 0
    for kind, error in (("SshKey", "unavailable"), ("Firewall", "firewalls"), ("PrimaryIp", "primary_ips")):
        assert f"hcloud:index:{kind}" in told(failed)
        assert error in told(failed)
    with stack.api.state.lock:
        assert not len(stack.api.state.servers)
    completed(stack)


def test_an_api_that_goes_away_while_a_server_is_made_is_told_and_leaves_no_second_server(stack: EmulatedStack) -> None:
    stack.api.faults.unavailable("GET", "/actions*", times=1000)
    failed = stack.stack.up(check=False)
    assert failed.returncode != 0
    assert "hcloud:index:Server (server)" in told(failed)
    assert "unavailable" in told(failed)
    stack.api.faults.clear()
    stack.stack.up()  # a server that was made but not awaited is protected by one more: the official plugin forgets it here
    completed(stack)


def test_a_server_on_which_cloud_init_has_failed_and_docker_is_not_is_told_and_completed_by_the_next_up(
    stack: EmulatedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot, booted = stack.machines.boot, []

    def with_failing_cloud_init(server: ServerSpec) -> None:
        config = yaml.safe_load(server.user_data)
        config["runcmd"] = ["exit 1"]
        boot(replace(server, user_data="#cloud-config\n" + yaml.safe_dump(config)))
        docker_is_broken(stack.machines, server.id)
        booted.append(server.id)

    monkeypatch.setattr(stack.machines, "boot", with_failing_cloud_init)
    failed = stack.stack.up(check=False)
    assert failed.returncode != 0
    assert "status: error" in told(failed)
    assert re.search(r"Fail.*scripts.user", told(failed))
    assert "docker.service is masked" in told(failed)
    docker_is_mended(stack.machines, booted[0])
    completed(stack)


def test_connections_cut_in_the_middle_are_made_up_for_by_the_next_up(stack: EmulatedStack) -> None:
    over = threading.Event()
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
    completed(stack)
