"""Reads a log that is rotated: all of it, its end backwards, or what was appended to it."""

from __future__ import annotations

import contextlib
import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_BLOCK = 1 << 20


def every_file(log: Path) -> list[Path]:
    """Return a log's files, oldest first.

    Caddy puts the time into the names of rotated ones: `access-2026-11-28T11-05-18.000-size.log`, later with `.gz`.
    """
    return [*sorted(log.parent.glob(f"{log.stem}-*{log.suffix}*")), log]


def lines_of(path: Path) -> Iterator[bytes]:
    """Give the lines of a file that may be compressed, as far as it can be read."""
    with contextlib.suppress(OSError, EOFError, zlib.error):
        if path.suffix == ".gz":
            with gzip.open(path) as unpacked:
                yield from unpacked
        else:
            with path.open("rb") as file:
                yield from file


def backwards(log: Path, max_bytes: int) -> Iterator[list[bytes]]:
    """Give a log's lines in blocks, the newest block first, rotated files included; a compressed file is one block.

    Args:
        log: The log.
        max_bytes: How much is read at most.
    """
    left = max_bytes
    for path in reversed(every_file(log)):
        if left <= 0:
            return
        if path.suffix == ".gz":
            lines = list(lines_of(path))
            left -= sum(map(len, lines))
            yield lines
            continue
        with contextlib.suppress(OSError), path.open("rb") as file:
            at, begun = file.seek(0, os.SEEK_END), b""
            while at > 0 and left > 0:
                size = min(_BLOCK, at, left)
                at, left = at - size, left - size
                file.seek(at)
                begun, *lines = (file.read(size) + begun).split(b"\n")
                yield lines
            yield [begun]


class Appended:
    """What was appended to a log since the last look, across rotations. Lines may come twice then, but none is lost."""

    def __init__(self, log: Path, *, whole: bool = False) -> None:
        """Begin at the log's present end, or with all of it, rotated files included."""
        self._log, self._rest = log, b""
        self._file = self._opened()
        # Opened first: what is rotated from now on is found by its file.
        self._older = [path for path in every_file(log)[:-1] if not (self._file and _is(self._file, path))] if whole else []
        if self._file and not whole:
            self._file.seek(0, os.SEEK_END)

    def lines(self) -> Iterator[bytes]:
        """Give the whole lines that are new."""
        while self._older:
            yield from lines_of(self._older.pop(0))
        self._file = self._file or self._opened()  # it may have begun only now
        while self._file:
            # Looked at before the end is read: once the file has been replaced, nothing is written to it any more.
            rotated = not _is(self._file, self._log)
            if self._file.tell() > os.fstat(self._file.fileno()).st_size:
                self._file.seek(0)  # somebody has emptied it
            while block := self._file.read(_BLOCK):
                *whole, self._rest = (self._rest + block).split(b"\n")
                yield from whole
            if not rotated:
                return
            yield from self._rotated_since(self._file)
            self.close()
            self._file = self._opened()

    def close(self) -> None:
        """Close the log."""
        if self._file:
            self._file.close()
        self._file, self._rest = None, b""

    def _rotated_since(self, file: BinaryIO) -> Iterator[bytes]:
        last_write = os.fstat(file.fileno()).st_mtime
        for path in every_file(self._log)[:-1]:
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime >= last_write and not _is(file, path):
                    yield from lines_of(path)

    def _opened(self) -> BinaryIO | None:
        try:
            return self._log.open("rb")
        except FileNotFoundError:
            return None


def _is(file: BinaryIO, path: Path) -> bool:
    """Whether a path leads to an open file."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False
