"""A running Caddy takes a changed configuration without a restart, and keeps the old one when the new one is bad."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import httpx
import pytest
from docker.models.containers import Container

from infra.paths import cache_folder
from ops.core.layout import CURRENT
from ops.host.releases import PREVIOUS, point
from ops.host.reload import main
from tests.free_ports import free_port
from tools.bootstrap.docker_engine import ensure_docker
from tools.offline.images import ensure_images

pytestmark = pytest.mark.system

CHECK = ["caddy", "validate", "--config", "/etc/caddy/current/Caddyfile", "--adapter", "caddyfile"]
CONFIRMATION = "successfully reloaded config from file"
_PATIENCE_S = 20.0


@dataclass(frozen=True)
class Running:
    """A Caddy that reads a hot-reloaded part."""

    root: Path
    container: Container
    url: str

    @property
    def live(self) -> Path:
        return self.root / "live" / "edge"

    def offer(self, name: str, caddyfile: str, *, confirmation: str = CONFIRMATION) -> int:
        """Do what `ops.host.provision hot-reloaded` does, then tell Caddy; return the exit code."""
        before = (self.live / CURRENT).readlink().name
        write(self.live / name, caddyfile)
        if before != name:
            point(self.live / PREVIOUS, before)
            point(self.live / CURRENT, name)
        return self.tell(name, confirmation=confirmation)

    def tell(self, name: str, *, confirmation: str = CONFIRMATION) -> int:
        options = ["--wanted", name, "--container", str(self.container.name), "--confirm", confirmation]
        return main(["--root", str(self.root), "live/edge", *options, "--check", *CHECK])

    def answer(self) -> str:
        return httpx.get(self.url).text


def write(folder: Path, caddyfile: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Caddyfile").write_text(caddyfile)


def site(text: str) -> str:
    return f'{{\n\tadmin off\n\tpersist_config off\n}}\nhttp://:8080 {{\n\trespond "{text}"\n}}\n'


@pytest.fixture
def caddy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    host = ensure_docker()
    monkeypatch.setenv("DOCKER_HOST", host)
    live = tmp_path / "live" / "edge"
    write(live / "one", site("one"))
    point(live / CURRENT, "one")
    with contextlib.closing(docker.DockerClient(base_url=host)) as engine, contextlib.ExitStack() as removed:
        image = ensure_images(["caddy"], engine, cache_folder("offline"))["caddy"]
        name = f"test-reload-{os.getpid()}-{secrets.token_hex(3)}"
        network = engine.networks.create(name, driver="bridge")
        removed.callback(network.remove)
        container = engine.containers.create(
            image.reference,
            ["caddy", "run", "--config", "/etc/caddy/current/Caddyfile", "--adapter", "caddyfile"],
            name=name,
            network=name,
            tmpfs={"/config": "mode=1777", "/data": "mode=1777"},
            volumes=[f"{live}:/etc/caddy:ro"],
            ports={"8080/tcp": ("127.0.0.1", free_port())},
            restart_policy={"Name": "always", "MaximumRetryCount": 0},
        )
        removed.callback(container.remove, force=True, v=True)
        for folder in (tmp_path, *tmp_path.rglob("*")):
            folder.chmod(0o755)
        container.start()
        yield Running(tmp_path, container, answering(container))


def answering(container: Container) -> str:
    give_up = time.monotonic() + _PATIENCE_S
    while True:
        container.reload()
        for published in container.ports.get("8080/tcp") or []:
            url = f"http://{published['HostIp']}:{published['HostPort']}"
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(url).status_code == 200:
                    return url
        assert time.monotonic() < give_up, container.logs().decode()
        time.sleep(0.1)


def started(container: Container) -> str:
    container.reload()
    return str(container.attrs["State"]["StartedAt"])


def test_a_changed_configuration_is_loaded_without_a_restart(caddy: Running) -> None:
    before = started(caddy.container)
    assert caddy.answer() == "one"
    assert caddy.offer("two", site("two")) == 0
    assert caddy.answer() == "two"
    assert caddy.tell("two") == 0  # again, as after a killed run
    assert started(caddy.container) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can kill what runs in a container")
def test_a_service_that_was_reloaded_is_still_restarted_when_it_dies(caddy: Running) -> None:
    assert caddy.offer("two", site("two")) == 0
    before = started(caddy.container)
    os.kill(caddy.container.attrs["State"]["Pid"], signal.SIGKILL)
    give_up = time.monotonic() + _PATIENCE_S
    while started(caddy.container) == before:
        assert time.monotonic() < give_up, "the engine takes it for stopped by hand"
        time.sleep(0.1)
    assert httpx.get(answering(caddy.container)).text == "two"


def test_a_bad_configuration_is_refused_and_the_old_one_stays(caddy: Running, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):  # the next `up` finds it bad again
        assert caddy.offer("bad", "http://:8080 {\n\tno_such_directive\n}\n") == 1
        told = capsys.readouterr().err
        assert told.startswith(f"ops.host.reload live/edge: {caddy.container.name} refuses its new configuration:")
        assert "no_such_directive" in told
        assert caddy.answer() == "one"
        assert (caddy.live / CURRENT).readlink().name == "one"
    caddy.container.restart(timeout=5)
    assert answering(caddy.container)
    assert httpx.get(answering(caddy.container)).text == "one"


def test_a_configuration_that_was_set_back_is_tried_again(caddy: Running) -> None:
    write(caddy.live / "two", site("two"))
    assert caddy.tell("two") == 0
    assert caddy.answer() == "two"


def test_it_goes_back_to_what_was_taken_last_and_not_to_what_was_only_offered(caddy: Running) -> None:
    assert caddy.tell("one") == 0
    write(caddy.live / "unchecked", site("unchecked"))
    point(caddy.live / CURRENT, "unchecked")  # then `up` was killed
    assert caddy.offer("bad", "http://:8080 {\n\tno_such_directive\n}\n") == 1
    assert (caddy.live / CURRENT).readlink().name == "one"


def test_a_service_that_confirms_nothing_reads_the_former_one_again(caddy: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.host.reload._CONFIRM_LIMIT_S", 2.0)
    assert caddy.tell("one") == 0
    assert caddy.offer("two", site("two"), confirmation="never said") == 1
    assert (caddy.live / CURRENT).readlink().name == "one"
    give_up = time.monotonic() + _PATIENCE_S
    while caddy.answer() != "one":
        assert time.monotonic() < give_up, "it still has what was set back"
        time.sleep(0.1)


def test_what_is_missing_is_named(caddy: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert caddy.tell("three") == 1
    assert "edge/three is missing" in capsys.readouterr().err
    caddy.container.stop(timeout=5)
    assert caddy.offer("two", site("two")) == 1
    assert "is not running" in capsys.readouterr().err
    assert (caddy.live / CURRENT).readlink().name == "one", "nothing has checked the new one, which a start would load"
