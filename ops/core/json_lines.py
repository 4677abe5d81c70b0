"""Files with a JSON document on each line: many small records of the same kind. Compressed if their name says so (`.gz`)."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable
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


def read_lines(file: Path) -> list[Any]:
    """Return the documents of a file.

    Raises:
        FileNotFoundError: There is none.
        DamagedError: It cannot be read.
    """
    try:
        content = file.read_bytes()
        text = (gzip.decompress(content) if _is_compressed(file) else content).decode()
        return [json.loads(line) for line in text.splitlines()]
    except FileNotFoundError:
        raise
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DamagedError(str(error)) from error


def _is_compressed(file: Path) -> bool:
    return file.suffix == ".gz"
