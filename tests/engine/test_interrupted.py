"""A run that is killed at any step leaves a state from which the next run goes on."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

import pytest

from infra.paths import PROJECT_FOLDER
from ops.process import start_daemon
from tests.engine.stacks import TestStack

LIMIT_S = 120
_UP = """
import sys; sys.path.insert(0, sys.argv[4])
from pathlib import Path
from bootstrap.session import open_session
open_session(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])).up(stream=True)
"""


def networks_are_there(stack: TestStack) -> bool:
    return bool(stack.networks())


def secrets_are_there(stack: TestStack) -> bool:
    return (stack.root / "secrets" / "registry_pass").exists()


def a_container_is_there(stack: TestStack) -> bool:
    return bool(stack.containers())


def all_containers_are_there(stack: TestStack) -> bool:
    return len(stack.containers()) == 4


@pytest.mark.parametrize("moment", [networks_are_there, secrets_are_there, a_container_is_there, all_containers_are_there])
def test_a_killed_up_is_completed_by_the_next(fresh: TestStack, moment: Callable[[TestStack], bool]) -> None:
    fresh.open()  # writes the configuration
    state = fresh.folder / "state"
    arguments = [fresh.name, str(fresh.config), str(state), str(PROJECT_FOLDER)]
    killed = start_daemon([sys.executable, "-c", _UP, *arguments], log=fresh.folder / "killed.log")
    try:
        wait_for(lambda: moment(fresh))
    finally:
        os.killpg(killed, signal.SIGKILL)
        os.waitpid(killed, 0)
    outputs = fresh.open().up(stream=False)
    assert outputs["registry"] == f"localhost:{fresh.http_port}"
    assert len(fresh.containers()) == 4
    again = fresh.open().stack.up().stdout
    assert not {"created", "updated", "replaced", "deleted"} & set(again[again.index("Resources:") :].split()), again


def test_what_others_run_is_not_touched(fresh: TestStack, living: TestStack) -> None:
    before = {service: container.id for service, container in living.containers().items()}
    networks = living.networks()
    session = fresh.open()
    session.up(stream=False)
    session.destroy(stream=False)
    assert {service: container.id for service, container in living.containers().items()} == before
    assert living.networks() == networks


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, "the moment to kill at did not come"
        time.sleep(0.02)
