"""Beside what both plugins answer: passwords, agents, cancelling, live output, and that nothing stays open."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import psutil
import pytest

from ops.core.process import run
from tests.free_ports import free_port
from tests.tools.offline.plugins.command.sshd import Sshd
from tools.offline.plugins.command.connection import Target, target_of
from tools.offline.plugins.command.shell import Output
from tools.offline.plugins.command.ssh import over_ssh
from tools.offline.plugins.command.ssh_command import RemoteCall, run_remote
from tools.offline.plugins.resource import PluginError

pytestmark = pytest.mark.system

_BOTH = frozenset({"stdout", "stderr"})


def target(connection: dict[str, Any]) -> Target:
    return target_of({"dialErrorLimit": 0, "perDialTimeout": 15, **connection})


def execute(
    to: Target, command: str, lines: list[str], *, cancelled: threading.Event | None = None, shown: frozenset[str] = _BOTH
) -> Output:
    call = RemoteCall(command, environment={}, previous={}, stdin="", shown=shown)
    return over_ssh(
        to,
        lambda connection: run_remote(connection, call, log=lines.append, warn=lines.append),
        log=lines.append,
        cancelled=cancelled or threading.Event(),
    )


@pytest.mark.parametrize(("shown", "lines"), [(_BOTH, ["a", "b"]), (frozenset({"stderr"}), ["b"]), (frozenset(), [])])
def test_lines_are_shown_as_asked(shown: frozenset[str], lines: list[str], server: Sshd) -> None:
    seen: list[str] = []
    command = "printf 'a\\r\\n'; sleep 0.1; printf b >&2"
    assert execute(target(server.connection()), command, seen, shown=shown) == Output("a\r", "b")
    assert seen == lines


def test_cancelling_leaves_a_command_without_its_connection(server: Sshd, tmp_path: Path) -> None:
    cancelled = threading.Event()
    threading.Timer(0.8, cancelled.set).start()
    started = time.monotonic()
    # sshd takes signals for other users than root only; for root it is the closed output that ends a command.
    command = f"echo $$ > {tmp_path}/pid; while echo tick; do sleep 0.1; done"
    with pytest.raises(PluginError, match=r"(?s)^context canceled: running .*tick"):
        execute(target(server.connection()), command, [], cancelled=cancelled)
    pid = int((tmp_path / "pid").read_text())
    while _runs(pid) and time.monotonic() - started < 20:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_cancelling_ends_the_wait_for_a_server(server: Sshd) -> None:
    cancelled = threading.Event()
    threading.Timer(0.5, cancelled.set).start()
    lines: list[str] = []
    with pytest.raises(PluginError, match=r"^context canceled$"):
        execute(target(server.connection(port=free_port(), dialErrorLimit=-1)), "true", lines, cancelled=cancelled)
    assert lines[:2] == ["Dial 1/inf failed: retrying", "Dial 2/inf failed: retrying"]


def test_a_connection_that_breaks_is_told(tmp_path: Path) -> None:
    server = Sshd(tmp_path / "server")
    server.start()
    try:
        # The session's own sshd is the parent of the shell.
        with pytest.raises(PluginError, match=r"^wait: remote command exited without exit status or exit signal: running"):
            execute(target(server.connection()), "kill -9 $PPID; sleep 5", [])
    finally:
        server.stop()


def test_nothing_stays_open(server: Sshd) -> None:
    execute(target(server.connection()), "true", [])
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        execute(target(server.connection()), "true", [])
        with pytest.raises(PluginError):
            execute(target(server.connection(user="nobody")), "true", [])
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_the_key_of_an_agent_gets_in(server: Sshd, tmp_path: Path) -> None:
    path = f"{tmp_path}/agent"
    started = run(["ssh-agent", "-s", "-a", path], timeout=20).stdout
    pid = started.partition("SSH_AGENT_PID=")[2].partition(";")[0]
    try:
        connection = target(server.connection(privateKey=None, agentSocketPath=path))
        with pytest.raises(PluginError, match="unable to authenticate"):
            execute(connection, "true", [])
        run(["ssh-add", "-q", server.folder / "user"], timeout=20, env={**os.environ, "SSH_AUTH_SOCK": path})
        assert execute(connection, "echo x", []).stdout == "x"
    finally:
        run(["ssh-agent", "-k"], timeout=20, env={**os.environ, "SSH_AUTH_SOCK": path, "SSH_AGENT_PID": pid})


@contextlib.contextmanager
def password_server_standin(password: str) -> Iterator[int]:
    """Run a server of the library's that takes a password, which sshd without PAM does not; give its port."""

    class Server(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, given: str) -> bool:
            return (username, given) == ("user", password)

    def answer(process: asyncssh.SSHServerProcess[str]) -> None:
        process.stdout.write(f"{process.command}\n")
        process.exit(0)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        key = asyncssh.generate_private_key("ssh-ed25519")
        options: dict[str, Any] = {"server_host_keys": [key], "process_factory": answer}
        async with asyncssh.listen("127.0.0.1", port, server_factory=Server, **options) as server:
            ended = asyncio.Event()
            end.append(lambda: loop.call_soon_threadsafe(ended.set))
            ready.set()
            await ended.wait()
            server.close()

    port, ready, end = free_port(), threading.Event(), list[Any]()
    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20)
    try:
        yield port
    finally:
        end[0]()
        thread.join()


def test_a_password_gets_in() -> None:
    with password_server_standin("word") as port:
        connection = {"host": "127.0.0.1", "port": port, "user": "user"}
        assert execute(target({**connection, "password": "word"}), "said", []).stdout == "said"
        with pytest.raises(PluginError, match="unable to authenticate"):
            execute(target({**connection, "password": "other"}), "said", [])
