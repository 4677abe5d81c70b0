"""Files with a JSON document on each line: many small records of the same kind. Compressed if their name says so (`.gz`)."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ops.core.files import write_atomic

_MODE = 0o600
# Most of it are digests, which cannot be compressed beyond half their length; more effort gains nothing.
_COMPRESSION = 1


class DamagedError(Exception):
    """A file is not what was written; the message says in what way."""


def write_lines(file: Path, documents: Iterable[Any]) -> None:
    """Write documents, atomically.

    Raises:
        OSError: They cannot be written, as on a full disk; nothing of it remains.
    """
    text = "".join(f"{json.dumps(one, separators=(',', ':'))}\n" for one in documents)
    content = text.encode()
    write_atomic(file, gzip.compress(content, _COMPRESSION) if _is_compressed(file) else content, mode=_MODE)


def append_line(file: Path, document: Any, *, durable: bool = True, mode: int = 0o640) -> int:
    """Append a document, and return how many bytes there were before. Not for compressed files.

    Args:
        file: The file; it and its folder are made if they are missing.
        document: What is appended.
        durable: Whether to wait until it is on the disk.
        mode: Permission bits of a new file.

    Raises:
        OSError: It cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, mode)
    try:
        size = os.fstat(handle).st_size
        # If a kill or a full disk cut the last line short, end it here, so that it does not spoil this one.
        cut = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        os.write(handle, ("\n" * cut + json.dumps(document) + "\n").encode())
        if durable:
            os.fsync(handle)
    finally:
        os.close(handle)
    return size


def read_lines(file: Path) -> list[Any]:
    """Return the documents of a file.

    Raises:
        FileNotFoundError: There is none.
        DamagedError: It cannot be read.
    """
    return list(each_line(file))


def each_line(file: Path) -> Iterator[Any]:
    """Yield the documents of a file, one at a time, for who needs little of each.

    Raises:
        FileNotFoundError: There is none.
        DamagedError: It cannot be read.
    """
    try:
        with gzip.open(file) if _is_compressed(file) else file.open("rb") as lines:
            for line in lines:
                yield json.loads(line)
    except FileNotFoundError:
        raise
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise DamagedError(str(error)) from error


def _is_compressed(file: Path) -> bool:
    return file.suffix == ".gz"
