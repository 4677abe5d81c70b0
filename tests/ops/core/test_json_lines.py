"""Lines of JSON, compressed or not: what is written is read, and a damaged file is told from one that is not there."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ops.core.json_lines import DamagedError, append_line, read_lines, write_lines


@pytest.mark.parametrize("name", ["plain.jsonl", "compressed.jsonl.gz"])
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    write_lines(tmp_path / name, ({"number": number, "text": "é\n"} for number in range(3)))
    assert read_lines(tmp_path / name) == [{"number": number, "text": "é\n"} for number in range(3)]
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert ((tmp_path / name).read_bytes()[:1] == b"{") is (name == "plain.jsonl")


def test_a_line_is_appended_also_to_one_that_was_cut_short(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "file"
    assert append_line(file, {"number": 1}) == 0
    assert append_line(file, {"number": 2}, durable=False) == len('{"number": 1}\n')
    assert read_lines(file) == [{"number": 1}, {"number": 2}]
    file.write_text('{"number": 1}\n{"num')
    append_line(file, {"number": 3})
    assert file.read_text().splitlines() == ['{"number": 1}', '{"num', '{"number": 3}']


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
