"""Lines of JSON, compressed or not: what is written is read, and a damaged file is told from one that is not there."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ops.core.json_lines import DamagedError, read_lines, write_lines


@pytest.mark.parametrize("name", ["plain.jsonl", "compressed.jsonl.gz"])
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    write_lines(tmp_path / name, ({"number": number, "text": "é\n"} for number in range(3)))
    assert read_lines(tmp_path / name) == [{"number": number, "text": "é\n"} for number in range(3)]
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert ((tmp_path / name).read_bytes()[:1] == b"{") is (name == "plain.jsonl")


# Without a time, which would give each test worker names of its own.
DAMAGED = [b"no gzip", *(gzip.compress(text, mtime=0) for text in (b"{", b"\xff")), gzip.compress(b"[1]\n", mtime=0)[:-9]]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.gz").write_bytes(content)
    with pytest.raises(DamagedError):
        read_lines(tmp_path / "file.gz")


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[1]\n{"])
def test_a_damaged_plain_file_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(DamagedError):
        read_lines(tmp_path / "file")


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_lines(tmp_path / "file")
