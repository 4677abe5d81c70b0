"""The accounts file is read again when it changes."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from ops.config import ConfigError
from ops.files import write_atomic
from ops.gateway.accounts import AccountsFile
from tests.ops.gateway.support import ADMIN, ROBOT, account, write_accounts


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.json"
    write_accounts(path, ADMIN)
    return path


def test_new_accounts_are_in_force_at_once(path: Path) -> None:
    accounts = AccountsFile(path)
    assert accounts.current() == {"admin": ADMIN}
    write_accounts(path, ADMIN, ROBOT)
    assert accounts.current() == {"admin": ADMIN, "robot": ROBOT}
    write_accounts(path, ROBOT)
    assert accounts.current() == {"robot": ROBOT}


def test_a_change_is_seen_even_when_size_and_time_are_the_same(path: Path) -> None:
    accounts = AccountsFile(path)
    before = path.stat()
    changed = account("admin", *ADMIN.access, password="another one", catalog=True)
    write_accounts(path, changed)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert accounts.current() == {"admin": changed}


def test_the_file_is_not_read_when_it_has_not_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = AccountsFile(path)
    monkeypatch.setattr("ops.gateway.accounts.load", lambda *_: pytest.fail("read again"))
    assert accounts.current() == {"admin": ADMIN}


@pytest.mark.parametrize("content", ["", "{", '{"accounts": [{"name": "admin"}]}', '{"accounts": {}}', "\0"])
def test_invalid_accounts_are_reported_and_the_old_ones_stay(path: Path, content: str, caplog: pytest.LogCaptureFixture) -> None:
    accounts = AccountsFile(path)
    write_atomic(path, content)
    for _ in range(3):
        assert accounts.current() == {"admin": ADMIN}
    assert accounts.problems
    assert [record.levelno for record in caplog.records] == [logging.ERROR], "once, not at every login"
    write_accounts(path, ROBOT)
    assert accounts.current() == {"robot": ROBOT}
    assert accounts.problems == []


def test_the_old_accounts_stay_when_the_file_goes_away(path: Path) -> None:
    accounts = AccountsFile(path)
    path.unlink()
    assert accounts.current() == {"admin": ADMIN}
    assert accounts.problems == [f"{path}: cannot be read: No such file or directory"]


def test_problems_show_no_hash(path: Path) -> None:
    accounts = AccountsFile(path)
    write_atomic(path, path.read_text().replace("$2b$04$", "$9z$04$"))
    accounts.current()
    assert accounts.problems == [
        f"{path}: accounts.0.password_hash: should be a bcrypt hash as made by ops.passwords.password_hash"
    ]


def test_a_gateway_does_not_start_with_invalid_accounts(path: Path) -> None:
    path.write_text("{}")
    with pytest.raises(ConfigError, match=r"accounts: is required"):
        AccountsFile(path)
