"""A living stack for the tests that do not change it, and a rented one for those that change it back."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.paths import PROJECT_FOLDER
from ops.core.process import Completed
from tests.engine.client import close
from tests.engine.servers import production
from tests.engine.stacks import TestStack, new_stack, sweep
from tests.side_by_side import unit
from tests.warm_programs import warm_host, warm_plugins
from tools.bootstrap.docker_engine import ensure_docker
from tools.bootstrap.stack import Stack
from tools.emulation.stack import EmulatedStack

PULUMI = Stack.pulumi
_LIVING = ExitStack()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here as a system test."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.system)


@pytest.fixture(scope="session", autouse=True)
def docker_engine() -> Iterator[None]:
    """A Docker engine without leftovers of killed runs; Docker libraries find it too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", ensure_docker())
        sweep()
        yield
        close()


@pytest.fixture(scope="package", autouse=True)
def warm_programs() -> Iterator[None]:
    """The stand-in engine runs the program without its imports, but for the first `up` of the living stack."""

    def pulumi(stack: Stack, arguments: Sequence[str], **options: Any) -> Completed:
        if stack.engine.kind == "official":
            return PULUMI(stack, arguments, **options)
        _, environment = stack.command(arguments)
        packages = ["command"] if "HCLOUD_TOKEN" in environment else ["command", "docker"]
        with (
            warm_host(arguments, environment, stack.engine.folder) as words,
            warm_plugins(arguments, environment, packages, PROJECT_FOLDER) as more,
        ):
            return PULUMI(replace(stack, environment={**stack.environment, **more}), words, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stack, "pulumi", pulumi)
        yield


@pytest.fixture(scope="session")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestStack]:
    """A stack that is up, with an account that may push below `team/` only, and a trusted proxy on this host. Read only.

    For the files that tests/side_by_side.py names: it is removed after them.
    """
    accounts = [{"name": "ci", "access": [{"repositories": "team/**", "actions": ["pull", "push"]}]}]
    with _LIVING:
        stack = _LIVING.enter_context(new_stack(tmp_path_factory.mktemp("living"), {"accounts": accounts}))
        stack.settings["edge"]["trusted_proxies"] = ["127.0.0.1"]
        with pytest.MonkeyPatch.context() as cold:
            cold.setattr(Stack, "pulumi", PULUMI)
            stack.outputs = stack.open().up(stream=False)
        yield stack


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Remove the living stack after the last of its tests: its health checks took a minute of a core until the session's end.

    Not when that is torn down: if it has failed, it may be run again, which is within this.
    """
    done = yield
    if nextitem is None or unit(nextitem.nodeid) != unit(item.nodeid):
        _LIVING.close()
    return done


@pytest.fixture(scope="session")
def rented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedStack]:
    """A production stack that is up; tests leave it as they found it, until the last of test_server.py destroys it."""
    with production(tmp_path_factory.mktemp("production"), "127.0.0.61") as stack:
        stack.stack.up()
        yield stack


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[TestStack]:
    """A stack of this test's own, not up yet."""
    with new_stack(tmp_path) as stack:
        yield stack


@pytest.fixture
def outputs(living: TestStack) -> dict[str, Any]:
    """The outputs of the living stack."""
    return living.outputs
