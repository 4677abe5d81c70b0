"""An upgrade that fails leaves what was there before: `up` says why, and the registry goes on serving."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from infra.images import load_lock
from infra.paths import cache_folder
from infra.plan import needed_images
from infra.project import LOCK
from ops.core.process import Completed
from tests.engine.client import client
from tests.engine.interruptions import watched
from tests.engine.stacks import TestStack, new_stack
from tools.offline.images import ensure_images

# A program that refuses what it reads, as one of another version may.
_SCRIPT = """
if grep -q 'level: error' /etc/distribution/config.yml; then echo 'configuration error: log.level is obsolete' >&2; exit 1; fi
exec registry "$@"
""".strip().replace("\n", "; ")
_REFUSES = f"ENTRYPOINT {json.dumps(['/bin/sh', '-c', _SCRIPT, 'registry'])}"


def derived(image: str, lines: str) -> str:
    """Build an image from another one; return its id."""
    dockerfile = io.BytesIO(f"FROM {image}\n{lines}\n".encode())
    made, _ = client().images.build(fileobj=dockerfile, rm=True, network_mode="none")
    return str(made.id)


def lock(stack: TestStack, **lines: str) -> Path:
    """Write a lock of images made here, some of them changed by lines of a Dockerfile."""
    needed = needed_images(stack.open().settings)
    made = ensure_images(needed, client(), cache_folder("offline"))
    entries = {name: {"unavailable": "not needed here"} for name in load_lock(LOCK)}
    for name, image in made.items():
        reference = derived(image.reference, lines[name]) if name in lines else image.reference
        entries[name] = {"image": reference, "version": image.version}
    path = stack.folder / "images.lock"
    path.write_text(yaml.safe_dump(entries))
    return path


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestStack]:
    """A stack that is up; its registry refuses one log level."""
    with new_stack(tmp_path_factory.mktemp("upgrades")) as stack:
        stack.open(change={"images_lock": str(lock(stack, registry=_REFUSES))})
        stack.outputs = stack.open().up(stream=False)
        yield stack


def fails(stack: TestStack, **change: object) -> str:
    """Run the engine's own `up`, which must fail and leave everything running as it was; return what it says."""
    before = {name: one.id for name, one in stack.containers().items()}
    settings = dict(stack.settings)
    session = stack.open(change=change)
    with watched(stack.outputs) as watch, session.stack.locked():
        session.stack.prepare()
        done: Completed = session.stack.up(check=False)
    stack.settings = settings
    told = done.stdout + done.stderr
    assert done.returncode != 0, told
    after = {name: one for name, one in stack.containers().items() if one.status == "running"}
    assert {name: one.id for name, one in after.items()} == {name: before[name] for name in after}
    assert after.keys() == {"cache", "edge", "gateway", "registry"}
    assert watch.attempts["pull"][-1].error == "", watch.errors("pull")
    return told


def test_a_broken_image_goes_back(stack: TestStack) -> None:
    now = stack.settings["images_lock"]
    broken = 'ENTRYPOINT ["/bin/sh", "-c", "echo this image is broken; exit 4"]'
    told = fails(stack, images_lock=str(lock(stack, registry=_REFUSES, python=broken)))
    assert "gateway: the new container does not run: it ended with exit code 4" in told
    assert "this image is broken" in told
    stack.settings["images_lock"] = now
    lock(stack, registry=_REFUSES)


def test_a_configuration_that_its_program_refuses_goes_back_for_good(stack: TestStack) -> None:
    told = fails(stack, registry={**stack.settings["registry"], "log_level": "error"})
    assert "configuration error: log.level is obsolete" in told
    # The gateway, because it is the first that goes through since it was broken.
    assert "Put back as before, image and configuration: gateway, registry." in told
    registry = stack.containers()["registry"]
    registry.restart()
    assert b"level: error" not in registry.exec_run(["cat", "/etc/distribution/config.yml"]).output


def test_a_taken_port_goes_back(stack: TestStack) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        told = fails(stack, edge={**stack.settings["edge"], "https_port": port})
    # What it says about the port is tested on the host; beside other tests, the gateway may be the first that is too slow.
    assert "the new container does not run" in told
    assert "Put back as before" in told


def test_once_the_cause_is_mended_up_goes_through(stack: TestStack) -> None:
    stack.open().up(stream=False)
    assert set(stack.containers()) == {"cache", "edge", "gateway", "registry"}
