"""How a server is reached: one key, one known host key, and nothing of the operator's own configuration."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest

from infra.ssh_client import SshAccess
from ops.core.process import CommandError, run

ACCESS = SshAccess("192.0.2.7", "-----BEGIN KEY-----\nsecret\n-----END KEY-----", "ssh-ed25519 AAAA")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def in_force(access: SshAccess) -> dict[str, str]:
    """Return what ssh itself makes of the options."""
    lines = run(["ssh", "-G", *access.options(), access.address], timeout=20.0).stdout.splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)


def test_only_the_server_with_the_host_key_is_talked_to() -> None:
    seen = in_force(ACCESS)
    assert seen["stricthostkeychecking"] == "true"
    assert Path(seen["userknownhostsfile"]).read_text() == "192.0.2.7 ssh-ed25519 AAAA\n"
    assert seen["globalknownhostsfile"] == "/dev/null"


def test_only_the_programs_key_is_offered_and_nobody_is_asked() -> None:
    seen = in_force(ACCESS)
    assert (seen["identitiesonly"], seen["batchmode"]) == ("yes", "yes")
    assert Path(seen["identityfile"]).read_text().endswith("-----END KEY-----\n")  # OpenSSH refuses a key without the line's end


def test_the_key_is_the_operators_alone(cache: Path) -> None:
    ACCESS.options()
    kept = [path for path in cache.rglob("*") if path.is_file()]
    assert {path.name for path in kept} == {"key", "known_hosts"}
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    assert {path.parent.stat().st_mode & 0o777 for path in kept} == {0o700}


def test_two_servers_share_nothing() -> None:
    other = SshAccess("192.0.2.8", ACCESS.private_key, ACCESS.host_key)
    assert in_force(ACCESS)["userknownhostsfile"] != in_force(other)["userknownhostsfile"]


def test_the_same_server_always_has_the_same_options() -> None:
    assert ACCESS.options() == ACCESS.options()


def test_a_server_that_restarts_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh_once_away(tmp_path, monkeypatch, "Connection refused")
    assert ACCESS.run("uptime", timeout=10.0, patience=20.0).stdout == "up\n"


@pytest.mark.parametrize("reason", ["Host key verification failed.", "root@192.0.2.7: Permission denied (publickey)."])
def test_a_server_that_says_no_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    ssh_once_away(tmp_path, monkeypatch, reason)
    with pytest.raises(CommandError, match=re.escape(reason)):
        ACCESS.run("uptime", timeout=10.0, patience=20.0)


def test_without_patience_a_server_that_is_away_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh_once_away(tmp_path, monkeypatch, "Connection refused")
    with pytest.raises(CommandError, match="refused"):
        ACCESS.run("uptime", timeout=10.0)


def ssh_once_away(folder: Path, monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    """Put a MOCK of `ssh` on the path: it fails as the real one does (code 255), and works the second time."""
    mock, tried = folder / "ssh", folder / "tried"
    mock.write_text(f"#!/bin/sh\n[ -e {tried} ] && exec echo up\ntouch {tried}\necho '{reason}' >&2\nexit 255\n")
    mock.chmod(0o700)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_connections_are_shared_where_a_socket_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="s-") as short:
        monkeypatch.setenv("XDG_CACHE_HOME", short)
        assert in_force(ACCESS)["controlmaster"] == "auto"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ("long" * 20)))
    assert in_force(ACCESS)["controlmaster"] == "false"
