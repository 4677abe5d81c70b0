"""Wherever a run is killed, the next run finishes the job."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from infra.paths import PROJECT_FOLDER
from ops.core.process import start_daemon
from tests.engine.stacks import TestStack, new_stack, signs_in

LIMIT_S = 120
_RUN = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tools.bootstrap.session import open_session
getattr(open_session(sys.argv[3], Path(sys.argv[4]), Path(sys.argv[5])), sys.argv[2])(stream=True)
"""


def killed(stack: TestStack, operation: str, moment: Callable[[], bool]) -> None:
    """Run an operation in a process of its own and kill it at a given moment."""
    arguments = [str(PROJECT_FOLDER), operation, stack.name, str(stack.config), str(stack.folder / "state")]
    process = start_daemon([sys.executable, "-c", _RUN, *arguments], log=stack.folder / "killed.log")
    try:
        wait_for(moment)
    finally:
        os.killpg(process, signal.SIGKILL)
        os.waitpid(process, 0)


def is_up(stack: TestStack) -> bool:
    """Bring a stack up; return whether it is complete and a second run finds nothing to do."""
    outputs = stack.open().up(stream=False)
    assert outputs["registry"] == f"localhost:{stack.http_port}"
    containers = stack.containers().values()
    assert {container.attrs["State"]["Health"]["Status"] for container in containers} == {"healthy"}
    again = stack.open().stack.up().stdout
    assert not {"created", "updated", "replaced", "deleted"} & set(again[again.index("Resources:") :].split()), again
    return len(containers) == 4


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
    killed(fresh, "up", lambda: moment(fresh))
    assert is_up(fresh)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestStack]:
    """A stack that is up, and that the tests leave up."""
    with new_stack(tmp_path_factory.mktemp("whole")) as stack:
        stack.open().up(stream=False)
        yield stack


def test_after_a_killed_down_the_next_up_makes_what_is_gone(whole: TestStack) -> None:
    killed(whole, "destroy", lambda: not (whole.root / "current").exists())
    assert is_up(whole)


def test_files_that_somebody_removed_are_made_again(whole: TestStack) -> None:
    before = {service: container.id for service, container in whole.containers().items()}
    for folder in ("parts", "live"):
        shutil.rmtree(whole.root / folder)
    assert is_up(whole)
    after = {service: container.id for service, container in whole.containers().items()}
    assert {service for service in after if after[service] != before[service]} == {"cache", "edge", "gateway"}


def test_rights_that_were_written_but_not_taken_in_are_by_the_next_up(whole: TestStack) -> None:
    rights = whole.root / "secrets/live/gateway/current"
    before = rights.readlink()
    whole.open(change={"accounts": [{"name": "ci", "access": [{"repositories": "ci/**", "actions": ["pull", "push"]}]}]})
    killed(whole, "up", lambda: rights.readlink() != before)
    assert is_up(whole)
    outputs = whole.open().outputs()
    assert signs_in(outputs, ("ci", outputs["accounts"]["ci"])) == 200


def test_what_others_run_is_not_touched(fresh: TestStack, whole: TestStack) -> None:
    before = {service: container.id for service, container in whole.containers().items()}
    networks = whole.networks()
    session = fresh.open()
    session.up(stream=False)
    session.destroy(stream=False)
    assert {service: container.id for service, container in whole.containers().items()} == before
    assert whole.networks() == networks


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, "the moment to kill at did not come"
        time.sleep(0.02)
