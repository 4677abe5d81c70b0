"""Settings of backups: which targets there are, and how they are read."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from ops.config import STORAGE_BOX, BackupSettings, SshTarget, authorized_keys


@pytest.mark.parametrize(
    ("target", "ssh"),
    [
        ("/mnt/backups", None),
        ("ssh://backup@nas.example.com/registry", SshTarget("backup", "nas.example.com", 22, "registry")),
        ("ssh://u1-sub2@box.example.com:23/backups/restic", SshTarget("u1-sub2", "box.example.com", 23, "backups/restic")),
        ("ssh://backup@[2001:db8::1]:2222//absolute", SshTarget("backup", "[2001:db8::1]", 2222, "/absolute")),
    ],
)
def test_a_target_is_a_folder_or_a_server(target: str, ssh: SshTarget | None) -> None:
    assert BackupSettings(target=target).ssh == ssh


@pytest.mark.parametrize(
    "target", ["backups", "./backups", "ssh://nas.example.com/x", "ssh://a@b", "sftp://a@b/c", "ssh://a b@c/d", ""]
)
def test_anything_else_is_refused_with_what_would_be_right(target: str) -> None:
    with pytest.raises(ValidationError, match="absolute path of a folder, ssh://user@host:port/path, or storage-box"):
        BackupSettings(target=target)


def test_without_a_target_there_are_no_backups() -> None:
    assert BackupSettings().target is None
    assert BackupSettings().ssh is None


@pytest.mark.parametrize(
    ("settings", "append_only"),
    [
        (BackupSettings(target=STORAGE_BOX), True),
        (BackupSettings(target=STORAGE_BOX, append_only=False), False),
        (BackupSettings(target="ssh://a@b/c"), False),
        (BackupSettings(target="ssh://a@b/c", append_only=True), True),
        (BackupSettings(target="/mnt/backups"), False),
    ],
)
def test_the_hosts_key_removes_no_backup_where_the_server_holds_it_back(settings: BackupSettings, append_only: bool) -> None:
    assert settings.is_append_only == append_only


def test_nothing_holds_a_key_back_from_a_folder() -> None:
    with pytest.raises(ValidationError, match="append_only is for a server"):
        BackupSettings(target="/mnt/backups", append_only=True)


def test_the_hosts_key_is_tied_to_one_command_whatever_the_folder_is_called() -> None:
    tied, free = authorized_keys("ssh-ed25519 AAAA", "ssh-ed25519 BBBB", 'a "folder"').splitlines()
    assert tied == """command="rclone serve restic --stdio --append-only 'a \\"folder\\"'",restrict ssh-ed25519 AAAA"""
    assert free == "ssh-ed25519 BBBB"
