"""Files that were written half are removed, and whole ones never."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ops.backups.errors import BackupError
from ops.backups.torn import remove_torn


@pytest.mark.parametrize("content", [b"", b"the first half"])
def test_what_is_not_what_its_name_says_is_removed(tmp_path: Path, content: bytes) -> None:
    name = hashlib.sha256(b"the first half and the second").hexdigest()
    (tmp_path / name).write_bytes(content)
    remove_torn(str(tmp_path), [], name, tmp_path)
    assert not (tmp_path / name).exists()


def test_what_is_whole_stays_whatever_restic_could_not_do_with_it(tmp_path: Path) -> None:
    file = tmp_path / hashlib.sha256(b"whole").hexdigest()
    file.write_bytes(b"whole")
    with pytest.raises(BackupError, match="although it is whole"):
        remove_torn(str(tmp_path), [], file.name, tmp_path)
    assert file.read_bytes() == b"whole"


def test_what_cannot_be_removed_is_said(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="cannot be removed"):
        remove_torn(str(tmp_path), [], "snapshots/gone", tmp_path)
    with pytest.raises(BackupError, match="cannot be removed"):
        remove_torn("sftp://user@127.0.0.1:9/backups", ["false"], "snapshots/gone", tmp_path)
