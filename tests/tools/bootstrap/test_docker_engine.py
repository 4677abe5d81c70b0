"""Which engine is used, when one is started, and what is said when neither can be."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import docker
import pytest

from tests.daemons import second_engine
from tools.bootstrap import docker_engine as subject
from tools.bootstrap.docker_engine import ensure_docker, fault_of
from tools.bootstrap.dockerd import start_dockerd
from tools.bootstrap.errors import SetupError
from tools.offline.debian import PackageError


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of the user who runs the tests, and no engine on the default socket."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr(subject, "_DEFAULT", f"unix://{tmp_path}/docker.sock")


def _make_context(folder: Path, name: str, address: str) -> None:
    meta = folder / "contexts" / "meta" / sha256(name.encode()).hexdigest()
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": address}}}))


@pytest.mark.system
def test_an_engine_is_started_where_none_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with second_engine() as engine:
        monkeypatch.setattr(subject, "Daemon", lambda program, log: replace(engine.daemon, program=program, log=log))
        monkeypatch.setattr(subject, "_DEFAULT", engine.address)
        monkeypatch.setattr(subject, "_SYSTEMD", tmp_path / "no-systemd")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        assert ensure_docker() == engine.address
        pids = engine.pids()
        assert pids
        assert ensure_docker() == engine.address
        assert engine.pids() == pids
        assert (tmp_path / "cache" / "private-registry" / "run" / "dockerd.log").stat().st_size > 0


@pytest.mark.system
def test_the_engine_of_the_docker_context_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with second_engine() as engine:
        start_dockerd(engine.daemon, engine.answers)
        _make_context(tmp_path, "mine", engine.address)
        (tmp_path / "config.json").write_text('{"currentContext": "mine"}')
        assert ensure_docker() == engine.address
        monkeypatch.setenv("DOCKER_CONTEXT", "default")
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        with pytest.raises(SetupError, match="systemctl start docker"):
            ensure_docker()
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        assert ensure_docker() == engine.address
        with contextlib.closing(docker.DockerClient(base_url=engine.address)) as client:
            assert client.ping()


@pytest.mark.parametrize("address", ["unix:///no/such/docker.sock", "tcp://127.0.0.1:1", "nonsense"])
def test_a_chosen_engine_is_not_replaced(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(SetupError, match=rf"no Docker engine answers at {address} \(.+\): .* \(DOCKER_HOST points to this one\)"):
        ensure_docker()


def test_a_context_without_an_engine_is_told_by_name(tmp_path: Path) -> None:
    _make_context(tmp_path, "mine", "unix:///no/such/docker.sock")
    (tmp_path / "config.json").write_text('{"currentContext": "mine"}')
    with pytest.raises(SetupError, match=r"unix:///no/such/docker.sock .* \(the Docker context mine points to this one\)"):
        ensure_docker()


def test_a_context_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "no-such-context")
    with pytest.raises(SetupError, match="DOCKER_CONTEXT"):
        ensure_docker()


def test_an_engine_on_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://someone@elsewhere")
    with pytest.raises(SetupError, match="DOCKER_HOST names ssh://someone@elsewhere"):
        ensure_docker()


@pytest.fixture
def forbidden_socket(tmp_path: Path) -> Iterator[Path]:
    """A socket that somebody listens on, in a folder that only root may enter."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "docker.sock"))
        server.listen()
        tmp_path.chmod(0o700)
        yield tmp_path / "docker.sock"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_who_may_not_use_the_engine_is_told_how_to(forbidden_socket: Path) -> None:
    os.seteuid(65534)
    try:
        with pytest.raises(SetupError, match=f"{forbidden_socket} .*: run `sudo usermod .* docker"):
            ensure_docker()
    finally:
        os.seteuid(0)


def test_the_docker_command_and_certificates_are_installed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def install(package: str, program: str, *, purpose: str, also: tuple[str, ...] = ()) -> Path:
        asked.extend([package, program, purpose, also])
        raise PackageError("this test installs nothing")

    monkeypatch.setattr(subject, "apt_install", install)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(PackageError, match="installs nothing"):
        ensure_docker()
    assert asked == ["docker.io", "dockerd", "the local stack", ("docker-cli", "ca-certificates")]


def test_other_systems_are_told_what_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SetupError, match="start Docker Desktop"):
        ensure_docker()


class Ending(socket.socket):
    """A socket to an engine that ends as soon as somebody has connected."""

    def connect(self, address: str) -> None:  # type: ignore[override]
        super().connect(address)
        Path(address).unlink()


def test_an_engine_that_ends_while_it_is_asked_is_a_fault_and_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(path))
        engine.listen()
        monkeypatch.setattr(socket, "socket", Ending)
        monkeypatch.setattr("ops.core.docker_engine._PING_LIMIT_S", 0.5)
        fault = fault_of(f"unix://{path}")
    assert fault is not None
    del fault
    gc.collect()  # what is left open is told now, and not in another test
