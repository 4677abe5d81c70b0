"""What real clients do with the registry, on one name for anonymous pulls and pushes by account: the table of docs/clients.md."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.engine.artifact_clients import Helm, Oras, Regctl
from tests.engine.client_contract import ASKED, CHART, IMAGE, PLATFORMS, Asked, Case
from tests.engine.client_page import VERSION, put, table
from tests.engine.clients import ALL_CLIENTS, Client, Docker
from tests.engine.confined_clients import Buildah, ConfinedDocker, Ctr, Ctr2, Room, open_containerd, open_room
from tests.engine.stacks import TestStack
from tools.offline.debian import PackageError

OUTSIDE: dict[str, Callable[[str, Path], Client]] = {**ALL_CLIENTS, "regctl": Regctl, "oras": Oras, "helm": Helm}
_CONTAINERD_2 = "ctr 2"
INSIDE: dict[str, Callable[[Room, str, Path], Client]] = {
    "docker, containerd store": ConfinedDocker,
    "ctr": Ctr,
    "buildah": Buildah,
    _CONTAINERD_2: Ctr2,
}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """Where the clients of a newer Debian are."""
    with contextlib.ExitStack() as stack:
        try:
            room = stack.enter_context(open_room(tmp_path_factory.mktemp("room")))
        except PackageError as error:
            pytest.skip(str(error))
        yield room


@pytest.fixture(scope="module")
def containerd(room: Room) -> Iterator[Room]:
    """The room, in which containerd 2 runs as well."""
    with open_containerd(room):
        yield room


@pytest.fixture(scope="module")
def stack(living: TestStack, tmp_path_factory: pytest.TempPathFactory) -> TestStack:
    """The living stack, with what clients pull: an image in Docker's format, one of two platforms in OCI's, and a chart."""
    outputs = living.outputs
    for kind, image in ((Docker, IMAGE), (Oras, PLATFORMS), (Helm, CHART)):
        client = kind(outputs["registry"], tmp_path_factory.mktemp("first"))
        assert client.login(outputs["registry_user"], outputs["registry_pass"]).returncode == 0
        pushed = client.push(image)
        assert pushed.returncode == 0, pushed
    return living


@pytest.fixture(scope="module", params=[*OUTSIDE, *INSIDE])
def case(request: pytest.FixtureRequest, stack: TestStack, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A client."""
    name: str = request.param
    registry = stack.outputs["registry"]
    if name in INSIDE:
        room: Room = request.getfixturevalue("containerd" if name == _CONTAINERD_2 else "room")
        made = Case(name, stack, partial(INSIDE[name], room, registry), room.shared / name.rsplit(maxsplit=1)[-1])
    else:
        made = Case(name, stack, partial(OUTSIDE[name], registry), tmp_path_factory.mktemp(name))
    try:
        _ = made.anonymous
    except PackageError as error:
        pytest.skip(str(error))
    return made


@pytest.mark.parametrize("asked", ASKED, ids=[one.of.__name__ for one in ASKED])
def test_each_client_does_what_the_page_says(case: Case, asked: Asked, pytestconfig: pytest.Config) -> None:
    seen = asked.of(case)
    if pytestconfig.getoption("--write-pages"):
        put(asked.title, case.name, seen)
    assert table()[asked.title][case.name] == seen, "docs/clients.md says otherwise; --write-pages writes what was seen"


def test_the_page_names_versions(case: Case, pytestconfig: pytest.Config) -> None:
    found = re.search(r"[0-9]+\.[0-9]+", case.anonymous.version())
    assert found, case.anonymous.version()
    if pytestconfig.getoption("--write-pages"):
        put(VERSION, case.name, found[0])
    assert table()[VERSION][case.name], "docs/clients.md lacks it; --write-pages writes what was seen"


def test_a_build_goes_on_from_its_cache_in_the_registry(room: Room, living: TestStack) -> None:
    """As buildx exports it: a list of layers that is no list of images."""
    outputs = living.outputs
    folder = room.shared / "builder"
    folder.mkdir()
    docker = ConfinedDocker(room, outputs["registry"], folder)
    assert docker.login(outputs["registry_user"], outputs["registry_pass"]).returncode == 0
    first = docker.build("contract/built:1", "contract/cache:1")
    assert first.returncode == 0, first
    assert "CACHED" not in first.stderr
    docker.forget_builds()
    second = docker.build("contract/built:2", "contract/cache:1")
    assert second.returncode == 0, second
    assert "CACHED" in second.stderr
    assert docker.pull("contract/built:1").returncode == 0
