"""The build cache: an entry is complete or missing, and two runs at the same time build it once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from infra.progress import progress, say
from ops.core.locks import Holder, hold

# Longer than the slowest build on a slow machine: after that, the other process is stuck.
_LOCK_LIMIT_S = 3600.0
_UNUSED_LIMIT_S = 90 * 24 * 3600.0


class CacheBusyError(Exception):
    """Another process has held an entry for longer than any build takes; the message says which."""


def digest(value: object) -> str:
    """Return 12 hex digits that change with `value`, which may be anything that JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def cached(cache: Path, name: str, build: Callable[[Path], None], *, what: str) -> Path:
    """Return an entry of the cache, after building it if it is missing.

    The entry is built in a temporary folder and renamed: kill -9 at any time leaves it complete or missing.

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
        with _held(cache / f".{name}.lock", what):
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
        os.sync()  # otherwise a power cut could keep the rename and lose the content
        incoming.rename(entry)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _remove_leftovers(cache: Path, name: str) -> None:
    """Remove what killed builds of this entry left, and entries that have not been used for a long time."""
    for leftover in cache.glob(f".{name}.*.tmp"):
        shutil.rmtree(leftover, ignore_errors=True)
    oldest = time.time() - _UNUSED_LIMIT_S
    for entry in cache.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process does the same
            if not entry.name.startswith(".") and entry.is_dir() and entry.stat().st_mtime < oldest:
                shutil.rmtree(entry, ignore_errors=True)


def _held(path: Path, what: str) -> AbstractContextManager[None]:
    def refusal(holder: Holder | None) -> CacheBusyError:
        by = holder or "another process"
        return CacheBusyError(f"{by} has been building {what} for over an hour; kill it if it hangs (lock: {path})")

    def waiting(holder: Holder | None) -> None:
        if holder is None or holder.pid != os.getpid():  # another step of this run shows its own progress
            say(f"waiting for {holder or 'another process'} to build {what}")

    return hold(path, f"building {what}", refusal=refusal, patience=_LOCK_LIMIT_S, waiting=waiting)
