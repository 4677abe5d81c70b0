"""Connections to a Docker engine by SSH, through a real sshd: what runs there is a stand-in for `docker`, but in one test."""

from __future__ import annotations

import contextlib
import gc
import getpass
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker import APIClient

from tests.free_ports import free_port
from tests.tools.offline.plugins.command.sshd import Sshd, sshd
from tools.bootstrap.docker_engine import ensure_docker
from tools.offline.plugins.docker.engine import DockerEngine, DockerError
from tools.offline.plugins.docker.ssh import SshRelay, command
from tools.offline.plugins.session import Session

pytestmark = pytest.mark.system

_LIMIT_S = 20.0
_SIZE = 4 << 20
# What the session's shell finds as `docker`: it says who it is, gives back what comes, and then says that the input has ended.
_DOCKER_STANDIN = """\
#!/bin/sh
[ "$*" = "system dial-stdio" ] || exit 64
trap '' PIPE
echo $$ >> {folder}/started
printf 'hello\\n'
cat
printf 'end\\n'
echo $$ >> {folder}/ended
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server whose sessions find the stand-in for `docker`, and the folder where it tells of itself."""
    folder = tmp_path_factory.mktemp("sshd")
    server = Sshd(folder / "server")
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    program = bin_folder / "docker"
    program.write_text(_DOCKER_STANDIN.format(folder=bin_folder))
    program.chmod(0o755)
    with (server.folder / "config").open("a") as config:
        config.write(f"SetEnv PATH={bin_folder}:/usr/bin:/bin\n")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def told(server: Sshd) -> Path:
    """Where the stand-in tells which of it have started and ended."""
    folder = server.folder.parent / "bin"
    for name in ("started", "ended"):
        (folder / name).write_text("")
    return folder


def options(server: Sshd, *, key_of: Sshd | None = None) -> list[str]:
    """Return how a server is reached that is known by its own key, or taken for another one."""
    known = server.folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{server.port} {(key_of or server).host_key}\n")
    given = {"IdentityFile": server.folder / "user", "UserKnownHostsFile": known, "BatchMode": "yes"}
    return ["-F", "/dev/null", *(word for name, value in given.items() for word in ("-o", f"{name}={value}"))]


def host(port: int) -> str:
    return f"ssh://{getpass.getuser()}@127.0.0.1:{port}"


@pytest.fixture
def relay(server: Sshd) -> Iterator[SshRelay]:
    with contextlib.closing(SshRelay(host(server.port), options(server))) as relay:
        yield relay


@contextlib.contextmanager
def connected(relay: SshRelay) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_LIMIT_S)
        connection.connect(relay.address.removeprefix("unix://"))
        yield connection


def read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := connection.recv(min(size - len(data), 1 << 16))):
        data += more
    return data


def until(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + _LIMIT_S
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def test_both_ways_are_open_at_once(relay: SshRelay) -> None:
    sent = os.urandom(_SIZE)
    with connected(relay) as connection:
        assert read(connection, 6) == b"hello\n"
        sender = threading.Thread(target=connection.sendall, args=(sent,))
        sender.start()
        assert read(connection, _SIZE) == sent
        sender.join()


def test_the_end_of_what_is_sent_arrives_and_the_rest_comes_back(relay: SshRelay) -> None:
    with connected(relay) as connection:
        connection.sendall(b"all")
        connection.shutdown(socket.SHUT_WR)
        assert read(connection, _SIZE) == b"hello\nallend\n"


def test_connections_do_not_wait_for_each_other(relay: SshRelay, told: Path) -> None:
    with connected(relay) as first, connected(relay) as second:
        assert read(second, 6) == read(first, 6) == b"hello\n"
        second.sendall(b"2")
        assert read(second, 1) == b"2"
        first.sendall(b"1")
        assert read(first, 1) == b"1"
        assert len((told / "started").read_text().splitlines()) == 2


def test_what_runs_there_ends_with_its_connection(relay: SshRelay, told: Path) -> None:
    with connected(relay) as connection:
        assert read(connection, 6) == b"hello\n"
        mine = (told / "started").read_text()
        assert mine not in (told / "ended").read_text()  # that of the test before may come late
    until(lambda: mine in (told / "ended").read_text())


def test_the_relay_ends_what_is_open_and_leaves_nothing(server: Sshd, told: Path) -> None:
    relay = SshRelay(host(server.port), options(server))
    path = Path(relay.address.removeprefix("unix://"))
    with connected(relay) as connection:
        assert read(connection, 6) == b"hello\n"
        relay.close()
        assert read(connection, 1) == b""
    assert not path.parent.exists()
    mine = (told / "started").read_text()
    until(lambda: mine in (told / "ended").read_text())


def test_a_server_that_is_not_there_closes_the_connection_and_is_told(server: Sshd) -> None:
    port = free_port()
    with contextlib.closing(SshRelay(host(port), options(server))) as relay, connected(relay) as connection:
        assert read(connection, 1) == b""
        assert f"port {port}: Connection refused" in relay.complaint


def test_a_server_with_another_host_key_is_told_by_the_engine(server: Sshd, tmp_path: Path) -> None:
    with sshd(tmp_path / "other") as other:
        session = Session("")
        session.config = {"host": host(other.port), "sshOpts": options(other, key_of=server)}
        with pytest.raises(DockerError, match="Host key verification failed"):
            DockerEngine(session).do("Unable to do it", lambda api: api.version())
        gc.collect()


def test_a_docker_engine_answers_through_it(tmp_path: Path) -> None:
    with (
        sshd(tmp_path / "server") as server,
        contextlib.closing(APIClient(base_url=ensure_docker())) as near,
        contextlib.closing(SshRelay(host(server.port), options(server))) as relay,
        contextlib.closing(APIClient(base_url=relay.address, version="auto")) as far,
    ):
        assert far.info()["ID"] == near.info()["ID"]


def test_a_plugin_that_ends_leaves_nothing_of_its_relay(server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    session = Session("")
    session.config = {"host": host(server.port), "sshOpts": options(server)}
    with pytest.raises(DockerError):  # the stand-in is no Docker
        DockerEngine(session).do("Unable to do it", lambda api: api.version())
    assert list(tmp_path.glob("docker-ssh-*"))
    session.end()
    assert not list(tmp_path.glob("docker-ssh-*"))
    gc.collect()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ssh://root@there", ["ssh", "-q", "-l", "root", "--", "there"]),
        ("ssh://there:2222", ["ssh", "-q", "-p", "2222", "--", "there"]),
        ("ssh://root@[::1]:22", ["ssh", "-q", "-l", "root", "-p", "22", "--", "::1"]),
    ],
)
def test_ssh_is_called_with_the_parts_of_the_address(address: str, words: list[str]) -> None:
    assert command(address, ["-q"]) == words
