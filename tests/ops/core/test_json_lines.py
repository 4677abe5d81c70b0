"""Compressed lines of JSON: what is written is read, and a damaged file is told from one that is not there."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ops.core.json_lines import DamagedError, read_lines, write_lines


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_lines(tmp_path / "file", ({"number": number, "text": "é\n"} for number in range(3)))
    assert read_lines(tmp_path / "file") == [{"number": number, "text": "é\n"} for number in range(3)]
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"{"), gzip.compress(b"\xff"), gzip.compress(b"[1]\n")[:-9]])
def test_a_damaged_file_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(DamagedError):
        read_lines(tmp_path / "file")


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_lines(tmp_path / "file")
