"""What runs printed that somebody had asked for in the console: a file for each, which the console shows while it grows."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, cast

from ops.core import exit_codes
from ops.stack.stack import Stack

# Below the folder for data of `regops`, which the console may only read.
FOLDER = "output"
KEPT = 200
MAX_BYTES = 256 * 1024
_MAX_LINE = 4000
_LEFT_OUT = "… more than this is not kept; the journal has all of it."
_RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{4,16}")
# Colours and the like, which are for terminals.
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


@dataclass(frozen=True)
class Printed:
    """What a run has printed so far.

    Attributes:
        begun: When it began, in seconds since 1970.
        about: What is known about it.
        lines: What it printed.
        exit_code: How it ended; None while it runs, or if it was killed.
    """

    begun: float
    about: Mapping[str, Any] = field(default_factory=dict)
    lines: Sequence[str] = ()
    exit_code: int | None = None


def output_file(stack: Stack, run_id: str) -> Path:
    """Return where the output of a run is, or would be."""
    return stack.data / FOLDER / f"{run_id}.jsonl"


def printed(stack: Stack, run_id: str) -> Printed | None:
    """Return what a run has printed; None if nothing was kept of it."""
    if not _RUN_ID.fullmatch(run_id):
        return None
    try:
        text = output_file(stack, run_id).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    head: dict[str, Any] = {}
    lines: list[str] = []
    exit_code = None
    for line in text.splitlines():
        with contextlib.suppress(ValueError):  # it is being written, or was cut short
            document = json.loads(line)
            if isinstance(document, dict):
                head = head or document.get("head", {})
                lines += [str(document["line"])] if "line" in document else []
                exit_code = document.get("exit_code", exit_code)
    return Printed(float(head.get("begun", 0.0)), head.get("about") or {}, lines, exit_code) if head else None


def outputs(stack: Stack) -> list[tuple[str, Printed]]:
    """Return all outputs that are kept, the oldest first, each with the id of its run."""
    found = [(path.stem, printed(stack, path.stem)) for _, path in _files(stack.data / FOLDER)]
    return [(run_id, one) for run_id, one in found if one is not None]


def begun_since(stack: Stack, time_: float) -> int:
    """Return how many outputs have begun since a time, in seconds since 1970."""
    return sum(at >= time_ for at, _ in _files(stack.data / FOLDER))


@dataclass
class Ending:
    """How a run ends: set it in the block of `kept`."""

    exit_code: int = exit_codes.OK


@contextlib.contextmanager
def kept(stack: Stack, run_id: str, about: Mapping[str, Any] | None = None) -> Iterator[Ending]:
    """Keep what is printed in this block, to standard output and to standard error. It is printed, too.

    Where it cannot be kept, as on a full disk, it is only printed.

    Args:
        stack: Whose run.
        run_id: The run.
        about: What is to be known about it.
    """
    writer, ending = _Writer(), Ending()
    with contextlib.suppress(OSError):
        writer = _Writer(_new(output_file(stack, run_id)))
        _drop_old(stack.data / FOLDER)
    writer.add({"head": {"begun": time.time(), "about": dict(about or {})}})
    try:
        with contextlib.redirect_stdout(_tee(sys.stdout, writer)), contextlib.redirect_stderr(_tee(sys.stderr, writer)):
            yield ending
    except BaseException as error:
        ending.exit_code = exit_codes.of(error)
        writer.add({"line": str(error)})
        raise
    finally:
        writer.add({"exit_code": ending.exit_code}, last=True)
        writer.close()


class _Writer:
    """Writes lines of JSON to a file, as many as there is room for; without a file, nowhere."""

    def __init__(self, handle: int | None = None) -> None:
        self._handle, self._left = handle, MAX_BYTES

    def add(self, document: Mapping[str, Any], *, last: bool = False) -> None:
        """Add a line, if there is room. There always is for the last one."""
        if self._handle is None or (self._left < 0 and not last):
            return
        content = json.dumps(document).encode() + b"\n"
        self._left -= len(content)
        if self._left < 0 and not last:
            content = json.dumps({"line": _LEFT_OUT}).encode() + b"\n"
        with contextlib.suppress(OSError):
            os.write(self._handle, content)

    def close(self) -> None:
        """Close the file."""
        if self._handle is not None:
            os.close(self._handle)


class _Tee:
    """A stream that passes all on to another one, and adds whole lines to what is kept."""

    def __init__(self, stream: TextIO, writer: _Writer) -> None:
        self._stream, self._writer, self._begun = stream, writer, ""

    def write(self, text: str) -> int:
        *whole, self._begun = (self._begun + text).split("\n")
        for line in whole:
            self._writer.add({"line": _ESCAPES.sub("", line)[:_MAX_LINE]})
        self._begun = self._begun[:_MAX_LINE]
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _tee(stream: TextIO, writer: _Writer) -> TextIO:
    return cast(TextIO, _Tee(stream, writer))


def _new(path: Path) -> int:
    """Create a file that is not there yet, and return its number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)


def _files(folder: Path) -> list[tuple[float, Path]]:
    """Return the files, the oldest first, with the time when each was last written."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return sorted((path.stat().st_mtime, path) for path in folder.iterdir())
    return []


def _drop_old(folder: Path) -> None:
    for _, path in _files(folder)[:-KEPT]:
        path.unlink(missing_ok=True)
