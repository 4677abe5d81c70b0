"""Commands over SSH on a real sshd; with OFFICIAL_PLUGINS the official plugin is held to the same answers."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ops.core.process import run
from tests.free_ports import free_port
from tests.tools.offline.plugins.client import REMOTE, Answer, Client, Refused
from tests.tools.offline.plugins.command.sshd import Sshd, make_key
from tools.offline.plugins.values import UNKNOWN, Properties, Secret

pytestmark = pytest.mark.system

_AT_ONCE = {"dialErrorLimit": 0}


def create(client: Client, connection: Properties, command: str | None, **more: Any) -> Answer:
    """Create a command as the engine does."""
    inputs, failures = client.check(REMOTE, {"connection": connection, "create": command, **more})
    assert failures == []
    return client.create(REMOTE, inputs)


def update(client: Client, made: Answer, **change: Any) -> Properties:
    """Update a command; what it wrote stays in the state."""
    olds = {name: value for name, value in made.state.items() if name not in ("stdout", "stderr")}
    return client.update(REMOTE, made.identifier, made.state, olds, {**olds, **change})


def refusal(client: Client, connection: Properties, command: str = "true", **more: Any) -> str:
    """Return the error of a command that cannot be created."""
    with pytest.raises(Refused) as raised:
        create(client, connection, command, **more)
    return str(raised.value)


def test_output_and_input(client: Client, server: Sshd) -> None:
    made = create(client, server.connection(), "cat; echo err >&2; printf 'a\\n\\n'", stdin="data\n")
    assert (made.state["stdout"], made.state["stderr"]) == ("data\na\n", "err")
    assert made.identifier.startswith("res")


def test_without_input_a_command_reads_an_empty_one(client: Client, server: Sshd) -> None:
    assert create(client, server.connection(), "cat; echo end").state["stdout"] == "end"


def test_megabytes_go_in_and_out(client: Client, server: Sshd) -> None:
    text = "0123456789abcde\n" * 100_000
    made = create(client, server.connection(), "cat", stdin=Secret(text), logging="none")
    assert made.state["stdout"] == text.removesuffix("\n")


def test_without_a_command_nothing_is_connected_to(client: Client, server: Sshd) -> None:
    made = create(client, server.connection(port=free_port(), **_AT_ONCE), None)
    assert (made.state["stdout"], made.state["stderr"]) == ("", "")


def test_a_preview_runs_nothing(client: Client, server: Sshd, tmp_path: Path) -> None:
    inputs, _ = client.check(REMOTE, {"connection": server.connection(), "create": f"touch {tmp_path}/made"})
    made = client.create(REMOTE, inputs, preview=True)
    assert (made.state["stdout"], made.state["stderr"]) == (UNKNOWN, UNKNOWN)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo out; sleep 0.2; echo err >&2; exit 3", "Process exited with status 3"),
        ("kill -9 $$", "Process exited with status 137 from signal KILL"),
        ('echo "quoted" \\ é; false', "Process exited with status 1"),
    ],
)
def test_a_failing_command_is_told_with_all_it_wrote(command: str, said: str, client: Client, server: Sshd) -> None:
    quoted = command.replace("\\", "\\\\").replace('"', '\\"')
    wrote = {"Process exited with status 3": "out\nerr\n", "Process exited with status 1": "quoted  é\n"}.get(said, "")
    assert refusal(client, server.connection(), command, logging="none") == f'{said}: running "{quoted}":\n{wrote}'


def test_output_that_is_no_text_is_refused(client: Client, server: Sshd) -> None:
    assert "invalid UTF-8" in refusal(client, server.connection(), "printf '\\377'")


def test_update_runs_its_own_command_or_the_one_of_create(client: Client, server: Sshd) -> None:
    made = create(client, server.connection(), "echo hi", addPreviousOutputInEnv=False)
    assert update(client, made, create="echo ho")["stdout"] == "ho"
    assert update(client, made, update="echo up")["stdout"] == "up"
    with pytest.raises(Refused, match="Process exited with status 1"):
        update(client, made, create="exit 1")


def test_delete_runs_its_command(client: Client, server: Sshd, tmp_path: Path) -> None:
    made = create(client, server.connection(), "true", delete=f"touch {tmp_path}/deleted")
    client.delete(REMOTE, made.identifier, made.state)
    assert (tmp_path / "deleted").exists()

    made = create(client, server.connection(), "true", delete="echo why; exit 4")
    with pytest.raises(Refused, match='Process exited with status 4: running "echo why; exit 4":\nwhy'):
        client.delete(REMOTE, made.identifier, made.state)


def test_another_trigger_changes_it_and_none_replaces_it(client: Client, server: Sshd) -> None:
    wanted = {"connection": server.connection(), "create": "true", "triggers": ["a"]}
    olds, _ = client.check(REMOTE, wanted)
    news, _ = client.check(REMOTE, {**wanted, "triggers": ["b"]})
    # The SDK makes a replacement of it.
    assert client.diff(REMOTE, olds, olds, news)["detailed"] == {"triggers[0]": "UPDATE"}
    del news["triggers"]
    assert client.diff(REMOTE, olds, olds, news)["replaces"] == ["triggers"]
    assert client.diff(REMOTE, olds, olds, olds)["changed"] is False


def test_variables_must_be_accepted_by_the_server(client: Client, server: Sshd) -> None:
    made = create(client, server.connection(), 'echo "$ACCEPTED_A"', environment={"ACCEPTED_A": "b  c\nd"})
    assert made.state["stdout"] == "b  c\nd"
    said = refusal(client, server.connection(), environment={"OTHER": "b"})
    assert said == 'could not set environment variable "OTHER": ssh: setenv failed'


def test_the_previous_output_is_left_out_when_the_server_refuses_it(client: Client, server: Sshd) -> None:
    made = create(client, server.connection(), "echo hi")
    assert update(client, made, create="echo <${PULUMI_COMMAND_STDOUT}>".replace("<", "[").replace(">", "]"))["stdout"] == "[]"


def test_another_host_key_is_refused_however_often_it_is_tried(client: Client, server: Sshd, other: Sshd) -> None:
    said = refusal(client, server.connection(hostKey=other.host_key, dialErrorLimit=1))
    assert said == "after 1 failed attempts: ssh: handshake failed: ssh: host key mismatch"


def test_without_a_host_key_any_server_is_taken(client: Client, server: Sshd) -> None:
    assert create(client, server.connection(hostKey=None), "echo x").state["stdout"] == "x"


def test_an_rsa_host_key_is_of_no_use(client: Client, tmp_path: Path) -> None:
    server = Sshd(tmp_path / "rsa")
    for name in ("host", "host.pub"):
        (server.folder / name).unlink()
    make_key(server.folder / "host", "-t", "rsa", "-b", "2048")
    server.start()
    try:
        assert refusal(client, server.connection(**_AT_ONCE)).startswith("after 0 failed attempts: ssh: handshake failed: ")
        assert create(client, server.connection(hostKey=None), "echo x").state["stdout"] == "x"
    finally:
        server.stop()


def test_what_cannot_be_a_key_is_told_at_once(client: Client, server: Sshd) -> None:
    assert refusal(client, server.connection(hostKey="rubbish")) == "failed to parse host key: ssh: no key found"
    assert refusal(client, server.connection(privateKey="rubbish")) == "ssh: no key found"
    proxy = {"host": "127.0.0.1", "privateKey": "rubbish"}
    assert refusal(client, server.connection(proxy=proxy)) == "proxy: ssh: no key found"


def test_a_stranger_does_not_get_in(client: Client, server: Sshd, other: Sshd) -> None:
    for connection in ({"privateKey": other.private_key}, {"privateKey": None}, {"user": "nobody"}):
        said = refusal(client, server.connection(**connection, **_AT_ONCE))
        assert said.startswith("after 0 failed attempts: ssh: handshake failed: ssh: unable to authenticate")


def test_an_encrypted_key_needs_its_password(client: Client, server: Sshd, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.touch(0o600)
    key.write_text(server.private_key)
    run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "word", "-f", key], timeout=20)
    connection = server.connection(privateKey=key.read_text())
    assert create(client, {**connection, "privateKeyPassword": "word"}, "echo x").state["stdout"] == "x"
    assert refusal(client, connection) == "ssh: this private key is passphrase protected"
    assert refusal(client, {**connection, "privateKeyPassword": "other"}) == "x509: decryption password incorrect"
    assert refusal(client, server.connection(privateKeyPassword="word")) == "ssh: key is not password protected"


def test_an_agent_that_is_not_there_is_told(client: Client, server: Sshd, tmp_path: Path) -> None:
    said = refusal(client, server.connection(agentSocketPath=f"{tmp_path}/none"))
    assert said == f"dial unix {tmp_path}/none: connect: no such file or directory"


def test_a_server_that_is_not_up_yet_is_waited_for(client: Client, tmp_path: Path) -> None:
    late = Sshd(tmp_path / "late")
    starter = threading.Timer(0.7, late.start)
    starter.start()
    try:
        assert create(client, late.connection(dialErrorLimit=-1), "echo x").state["stdout"] == "x"
    finally:
        starter.join()
        late.stop()


def test_waiting_ends_at_the_limit(client: Client, server: Sshd) -> None:
    port = free_port()
    started = time.monotonic()
    said = refusal(client, server.connection(port=port, dialErrorLimit=3))
    assert said == f"after 3 failed attempts: dial tcp 127.0.0.1:{port}: connect: connection refused"
    assert 0.4 < time.monotonic() - started < 5


def test_a_proxy_is_jumped_through(client: Client, server: Sshd, other: Sshd) -> None:
    before = other.log.count("Accepted publickey")
    connection = server.connection(proxy=other.connection())
    assert create(client, connection, "echo x").state["stdout"] == "x"
    assert other.log.count("Accepted publickey") == before + 1


@pytest.mark.parametrize("proxied", [False, True])
def test_the_keys_of_both_servers_are_verified(proxied: bool, client: Client, server: Sshd, other: Sshd) -> None:
    proxy = other.connection(**_AT_ONCE, **({"hostKey": server.host_key} if proxied else {}))
    connection = server.connection(**_AT_ONCE, **({} if proxied else {"hostKey": other.host_key}), proxy=proxy)
    said = "proxy: after 0 failed attempts: ssh: handshake failed: ssh: host key mismatch"
    assert refusal(client, connection) == said


def test_what_the_proxy_cannot_reach_is_told(client: Client, server: Sshd, other: Sshd) -> None:
    proxy = other.connection(**_AT_ONCE)
    said = refusal(client, server.connection(port=free_port(), proxy=proxy, **_AT_ONCE))
    assert said == "proxy: after 0 failed attempts: ssh: rejected: connect failed (Connection refused)"
    down = {**proxy, "port": free_port()}
    said = refusal(client, server.connection(proxy=down))
    assert said == f"proxy: after 0 failed attempts: dial tcp 127.0.0.1:{down['port']}: connect: connection refused"
