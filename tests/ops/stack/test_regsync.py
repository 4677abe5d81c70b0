"""Runs of regsync in a real container: ended when they hang, and what somebody has left is ended by the next."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from infra.paths import cache_folder
from ops.stack.regsync import RegsyncError, end_others, regsync
from tools.bootstrap.docker_engine import ensure_docker
from tools.offline.images import ensure_images

pytestmark = pytest.mark.system


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a registry that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def container(tmp_path: Path, silent: str) -> Iterator[Container]:
    """A container of regsync that idles; `hangs.yml` in it names the silent registry, `bad.yml` is none."""
    (tmp_path / "idle.yml").write_text("version: 1\nsync: []\n")
    step = {"source": f"{silent}/a:1", "target": f"{silent}/b:1", "type": "image"}
    hosts = [{"registry": silent, "tls": "disabled"}]
    (tmp_path / "hangs.yml").write_text(json.dumps({"version": 1, "creds": hosts, "sync": [step]}))
    (tmp_path / "bad.yml").write_text("version: [")
    tmp_path.chmod(0o755)
    with contextlib.closing(docker.DockerClient(base_url=ensure_docker())) as engine:
        image = ensure_images(["regsync"], engine, cache_folder("offline"))["regsync"]
        found = engine.containers.create(
            image.reference,
            ["server", "--config", "/runs/idle.yml"],
            name=f"test-regsync-{os.getpid()}-{secrets.token_hex(3)}",
            network_mode="host",
            user="10001:10001",
            environment={"PATH": "/usr/local/bin:/"},
            volumes=[f"{tmp_path}:/runs:ro"],
        )
        try:
            found.start()
            yield found
        finally:
            found.remove(force=True, v=True)


def runs_in(container: Container) -> int:
    """Return how many runs of regsync there are beside the one that idles."""
    return sum(" once " in fields[-1] for fields in container.top()["Processes"])


def test_what_it_says_and_how_it_ends_is_told(container: Container) -> None:
    with regsync(str(container.name), "/runs/bad.yml") as run:
        said = list[str]()
        while not run.is_over:
            said += run.lines(1)
        assert run.exit_code == 1
    assert "sequence end token" in "\n".join(said)


def test_one_that_hangs_receives_nothing_and_is_ended(container: Container) -> None:
    with regsync(str(container.name), "/runs/hangs.yml") as run:
        run.lines(1)
        time.sleep(0.5)
        before = run.received()
        run.lines(1)
        assert run.received() == before is not None
        assert run.exit_code is None
        assert runs_in(container) == 1
        run.end()
        assert run.exit_code is not None
    assert runs_in(container) == 0
    container.reload()
    assert container.status == "running", "the one that idles goes on"


def test_what_somebody_has_left_is_ended(container: Container) -> None:
    client = container.client
    assert client is not None
    for _ in range(2):
        made = client.api.exec_create(container.id, ["regsync", "once", "--config", "/runs/hangs.yml"])
        client.api.exec_start(made["Id"], detach=True)
    give_up = time.monotonic() + 20
    while runs_in(container) < 2 and time.monotonic() < give_up:
        time.sleep(0.1)  # the engine does not wait for what it starts so
    assert end_others(str(container.name)) == 2
    while runs_in(container) and time.monotonic() < give_up:
        time.sleep(0.1)
    assert end_others(str(container.name)) == 0


def test_without_a_container_the_remedy_is_named() -> None:
    with pytest.raises(RegsyncError, match="there is no container test-none; run `up`"), regsync("test-none", "/runs/x.yml"):
        pass
    with pytest.raises(RegsyncError, match="run `up`"):
        end_others("test-none")
