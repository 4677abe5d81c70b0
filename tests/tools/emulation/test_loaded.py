"""Images of emulated servers: loaded once, given to each as links, gone with the images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import docker
import pytest

from infra.paths import cache_folder
from ops.core.process import CommandError
from tests.tools.emulation.machines import new_owner
from tests.tools.offline.plugins.busybox import import_busybox
from tools.emulation import loaded as subject
from tools.emulation.containers import run_as_machine
from tools.emulation.images import SERVER, ensure_image
from tools.emulation.loaded import ensure_loaded, give, sweep_loaded

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def machine(engine: docker.DockerClient) -> str:
    return ensure_image("server", SERVER, engine, cache_folder("offline"))


@pytest.fixture
def image(engine: docker.DockerClient) -> Iterator[str]:
    """An image of this test's own."""
    name = new_owner()
    import_busybox(engine.api, name)
    yield name
    engine.images.remove(name, force=True)
    sweep_loaded(engine)


@pytest.fixture
def volume(engine: docker.DockerClient) -> Iterator[str]:
    """An empty volume."""
    made = engine.volumes.create(new_owner())
    yield made.name
    made.remove(force=True)


def volumes_with(engine: docker.DockerClient, image: str) -> list[str]:
    wanted = str(engine.images.get(image).id)
    found = engine.volumes.list(filters={"label": subject._LABEL})
    return sorted(one.name for one in found if wanted in one.attrs["Labels"][subject._LABEL])


def test_images_are_loaded_once_and_given_as_links(
    engine: docker.DockerClient, machine: str, image: str, volume: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = ensure_loaded(engine, machine, [image])
    with monkeypatch.context() as patch:
        patch.setattr(subject, "_load", lambda *_: pytest.fail("loaded again"))
        assert ensure_loaded(engine, machine, [image]) == name
    give(engine, machine, name, volume)
    linked = """
same() { test "$(find /one/$1 -name $2 | head -1 | xargs stat -c %i)" = "$(find /two/$1 -name $2 | head -1 | xargs stat -c %i)"; }
same overlay2 busybox
! same image repositories.json
"""
    mounts: dict[str, Any] = {name: {"bind": "/one", "mode": "ro"}, volume: {"bind": "/two", "mode": "ro"}}
    run_as_machine(engine, machine, linked, volumes=mounts)


def test_a_load_that_was_cut_off_is_done_again(
    engine: docker.DockerClient, machine: str, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(subject, "_LOAD", "echo no space left; exit 3")
        with pytest.raises(CommandError, match=r"exit code 3: no space left"):
            ensure_loaded(engine, machine, [image])
        assert len(volumes_with(engine, image)) == 1
        patch.setattr(subject, "_LOAD", "true")
        ensure_loaded(engine, machine, [image])
    assert len(volumes_with(engine, image)) == 3
    assert not (cache_folder("run") / "emulated-images.tar").exists()


def test_they_go_with_their_images(engine: docker.DockerClient, machine: str, image: str) -> None:
    name = ensure_loaded(engine, machine, [image])
    sweep_loaded(engine)
    assert name in volumes_with(engine, image)
    engine.images.remove(image, force=True)
    import_busybox(engine.api, image)  # for the fixture
    sweep_loaded(engine)
    assert name not in {one.name for one in engine.volumes.list()}
