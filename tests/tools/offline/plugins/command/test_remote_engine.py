"""Remote commands and copies under the real engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tools.offline.plugins.command.sshd import Sshd
from tests.tools.offline.plugins.sample_programs import Program

pytestmark = pytest.mark.system

Resource = dict[str, Any]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def connection(server: Sshd, **more: Any) -> dict[str, Any]:
    """Return a connection in the SDK's words."""
    given = server.connection(**more)
    names = {"privateKey": "private_key", "hostKey": "host_key", "dialErrorLimit": "dial_error_limit"}
    return {names.get(name, name): value for name, value in given.items()}


def command(server: Sshd, **args: Any) -> Resource:
    args = {"connection": connection(server), **args}
    return {"type": "remote.Command", "name": "run", "args": args, "output": "stdout", "secret": ["stdin"]}


def copy(server: Sshd, source: Path, path: Path) -> Resource:
    args = {"connection": connection(server), "source": {"FileAsset": str(source)}, "remote_path": str(path)}
    return {"type": "remote.CopyToRemote", "name": "copy", "args": args}


def test_a_copy_and_a_command_live_through_their_changes(program: Program, server: Sshd, tmp_path: Path) -> None:
    source, copied, log = tmp_path / "source", tmp_path / "new" / "copied", tmp_path / "log"
    source.write_text("first")
    args = {"create": f"cat >> {log}; echo done", "stdin": "hidden-input\n", "delete": f"echo deleted >> {log}"}
    wanted = [copy(server, source, copied), command(server, **args, triggers=["a"])]
    assert program.up(*wanted).steps == {"copy": "create", "run": "create"}
    assert program.outputs() == {"run": "done"}
    assert copied.read_text() == "first"
    assert program.up(*wanted).steps == {}
    assert program.up(*wanted, refresh=True).steps == {}
    state = program.state()
    assert "hidden-input" not in state
    assert server.private_key.splitlines()[1] not in state

    source.write_text("second")
    wanted[1] = command(server, **args, triggers=["b"])
    assert program.preview().steps == {"copy": "update"}
    assert copied.read_text() == "first"
    assert program.up(*wanted).steps == {"copy": "update", "run": "replace"}
    assert copied.read_text() == "second"

    assert program.destroy().steps == {"copy": "delete", "run": "delete"}
    assert copied.exists()
    assert log.read_text().splitlines() == ["hidden-input", "hidden-input", "deleted", "deleted"]


def test_a_server_with_another_key_fails_the_run(program: Program, server: Sshd, other: Sshd) -> None:
    wrong = connection(server, hostKey=other.host_key, dialErrorLimit=1)
    outcome = program.up(command(server, connection=wrong, create="true"))
    assert outcome.failed
    assert "after 1 failed attempts: ssh: handshake failed: ssh: host key mismatch" in outcome.text
    assert "Traceback" not in outcome.text
    assert "command:remote:Command" not in program.state()


def test_what_is_wrong_is_told_at_preview(program: Program, server: Sshd) -> None:
    wanted = command(server, connection={**connection(server), "unheard": 1}, create="true")
    assert program.up(wanted).failed
    outcome = program.preview()
    assert outcome.failed
    assert "unheard: Unrecognized field 'unheard' on 'remote.Connection'" in outcome.text
