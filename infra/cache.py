"""The build cache: an entry is there whole or not at all, and two runs at once build it once."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from infra.progress import progress, say

# Longer than the slowest build on a slow machine: who still waits then waits for something that hangs.
_LOCK_LIMIT_S = 3600.0
_LOCK_POLL_S = 0.2
_UNUSED_LIMIT_S = 90 * 24 * 3600.0


class CacheBusyError(Exception):
    """Another process holds an entry for longer than any build takes; the message says which."""


def digest(value: object) -> str:
    """Return 12 hex digits that change when `value`, anything that JSON can hold, does."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def cached(cache: Path, name: str, build: Callable[[Path], None], *, what: str) -> Path:
    """Return an entry of the cache, built first when it is missing.

    The entry is built in a temporary folder and renamed: kill -9 at any time leaves it whole or missing.

    Args:
        cache: The folder of all entries; created when missing.
        name: The entry's name. It must change with everything that the content depends on.
        build: Fills the folder that it is given.
        what: What is built, for the progress line.

    Raises:
        CacheBusyError: Another process has been building it for an hour.
        OSError: The disk is full or the folder cannot be written.
    """
    entry = cache / name
    if not entry.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / f".{name}.lock", what):
            if not entry.exists():
                _remove_leftovers(cache, name)
                _build(entry, build, what)
    os.utime(entry)
    return entry


def _build(entry: Path, build: Callable[[Path], None], what: str) -> None:
    incoming = Path(tempfile.mkdtemp(dir=entry.parent, prefix=f".{entry.name}.", suffix=".tmp"))
    try:
        with progress(f"building {what}"):
            build(incoming)
        incoming.chmod(0o755)
        os.sync()  # else a power cut could keep the rename and lose the content
        incoming.rename(entry)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _remove_leftovers(cache: Path, name: str) -> None:
    """Drop what killed builds of this entry left, and entries that nobody has used for long."""
    for leftover in cache.glob(f".{name}.*.tmp"):
        shutil.rmtree(leftover, ignore_errors=True)
    oldest = time.time() - _UNUSED_LIMIT_S
    for entry in cache.iterdir():
        if not entry.name.startswith(".") and entry.is_dir() and entry.stat().st_mtime < oldest:
            shutil.rmtree(entry, ignore_errors=True)


@contextmanager
def _locked(path: Path, what: str) -> Iterator[None]:
    with path.open("a+") as file:
        give_up = time.monotonic() + _LOCK_LIMIT_S
        told = False
        while not _try_lock(file.fileno()):
            file.seek(0)
            holder = file.read().strip() or "another process"
            if not told:
                say(f"waiting for {holder} to build {what}")
                told = True
            if time.monotonic() > give_up:
                raise CacheBusyError(f"{holder} has been building {what} for over an hour; end it if it hangs (lock: {path})")
            time.sleep(_LOCK_POLL_S)
        file.truncate(0)
        file.write(f"process {os.getpid()} (since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC)")
        file.flush()
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
