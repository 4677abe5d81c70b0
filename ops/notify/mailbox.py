"""The letters of one channel on disk, one file each: new, done and dead ones, and unreadable files."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from ops.core.files import write_atomic
from ops.core.locks import LockedError, lock
from ops.notify.message import Letter

NEW_KEPT = 1000
DONE_KEPT = 200
DEAD_KEPT = 1000
UNREADABLE_KEPT = 20
DONE_KEPT_S = 7 * 86_400.0
_MODE = 0o600
_STAMP_DIGITS = 15


@dataclass(frozen=True)
class StoredLetter:
    """What a letter's file holds.

    Attributes:
        letter: The letter.
        reason: Why it is dead; empty for others.
        given_up: It is dead because the channel failed for too long: the next digest mentions it.
        schema: Version of the format.
    """

    letter: Letter
    reason: str = ""
    given_up: bool = False
    schema: Literal[1] = 1


@functools.cache
def _letter_file() -> TypeAdapter[StoredLetter]:
    return TypeAdapter(StoredLetter)  # takes milliseconds, so only when a file is read


@dataclass(frozen=True)
class Mailbox:
    """The folder of a channel. File names start with a growing number, so they sort in the order of posting."""

    folder: Path

    @property
    def new(self) -> Path:
        """Letters that are waiting."""
        return self.folder / "new"

    @property
    def done(self) -> Path:
        """The latest letters that the service has accepted."""
        return self.folder / "done"

    @property
    def dead(self) -> Path:
        """Letters that are no longer tried."""
        return self.folder / "dead"

    @property
    def unreadable(self) -> Path:
        """Files that are not letters."""
        return self.folder / "unreadable"

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Lock the channel, and yield whether that worked: only one process delivers."""
        with ExitStack() as held:
            try:
                held.enter_context(lock(self.folder / "lock", "notify"))
            except LockedError:
                yield False
            else:
                yield True

    def post(self, letter: Letter) -> None:
        """Store a letter; it is on disk when this returns. One that was posted before is not posted again.

        Raises:
            OSError: The disk is full, or the folder cannot be written.
        """
        if self._knows(letter.id):
            return
        waiting = names(self.new)
        # Even if the clock was set back, a letter sorts after the earlier ones.
        stamp = max(int(letter.at * 1000), *(_stamp(name) + 1 for name in waiting[-1:]), 0)
        write_atomic(self.new / f"{stamp:0{_STAMP_DIGITS}d}-{letter.id}.json", _text(StoredLetter(letter)), mode=_MODE)
        for name in waiting[: max(0, len(waiting) + 1 - NEW_KEPT)]:
            self.bury(name, self.new, f"more than {NEW_KEPT} messages were waiting", given_up=True)

    def letters(self, folder: Path) -> Iterator[tuple[str, StoredLetter]]:
        """Yield the letters of one of the folders by name, in order; unreadable files are put aside."""
        for name in names(folder):
            path = folder / name
            try:
                yield name, _read(path)
            except FileNotFoundError:
                continue  # another process was faster
            except (ValueError, RecursionError):  # not JSON, or not a letter: ValidationError is a ValueError
                self._put_aside(path)

    def prepare(self) -> None:
        """Make sure that finished letters can be moved: one that stays would be sent again and again.

        Raises:
            OSError: They cannot.
        """
        self.done.mkdir(parents=True, exist_ok=True)

    def finish(self, name: str, folder: Path) -> None:
        """Move a letter from one of the folders to the done ones."""
        self.prepare()
        with contextlib.suppress(FileNotFoundError):
            (folder / name).replace(self.done / name)

    def bury(self, name: str, folder: Path, reason: str, *, given_up: bool = False) -> None:
        """Move a letter from one of the folders to the dead ones. After a kill in between it is in both, and is tried again.

        Raises:
            OSError: The disk is full.
        """
        with contextlib.suppress(FileNotFoundError, ValueError, RecursionError):  # delivery deals with unreadable files
            stored = _read(folder / name)
            write_atomic(self.dead / name, _text(replace(stored, reason=reason, given_up=given_up)), mode=_MODE)
            if folder != self.dead:
                (folder / name).unlink(missing_ok=True)

    def revive(self) -> int:
        """Retry all dead letters, once the cause is fixed; return how many there are.

        Raises:
            OSError: The disk is full.
        """
        revived = 0
        for name, stored in self.letters(self.dead):
            write_atomic(self.new / name, _text(StoredLetter(stored.letter)), mode=_MODE)
            (self.dead / name).unlink(missing_ok=True)
            revived += 1
        return revived

    def prune(self, now: float) -> None:
        """Remove what has been kept long enough."""
        for folder, kept in ((self.done, DONE_KEPT), (self.dead, DEAD_KEPT), (self.unreadable, UNREADABLE_KEPT)):
            found = names(folder)
            extra = found[: max(0, len(found) - kept)]
            old = [name for name in found if now - _stamp(name) / 1000 > DONE_KEPT_S] if folder == self.done else []
            for name in {*extra, *old}:
                (folder / name).unlink(missing_ok=True)

    def _knows(self, letter_id: str) -> bool:
        return any(name.endswith(f"-{letter_id}.json") for folder in (self.new, self.done, self.dead) for name in names(folder))

    def _put_aside(self, path: Path) -> None:
        self.unreadable.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            path.replace(self.unreadable / path.name)


def names(folder: Path) -> list[str]:
    """Return the file names in a folder, in order, without temporary files."""
    try:
        return sorted(path.name for path in folder.iterdir() if path.suffix == ".json" and not path.name.startswith("."))
    except FileNotFoundError:
        return []


def _read(path: Path) -> StoredLetter:
    return _letter_file().validate_python(json.loads(path.read_bytes()))


def _stamp(name: str) -> int:
    digits = name.partition("-")[0]
    return int(digits) if digits.isdecimal() and len(digits) == _STAMP_DIGITS else 0


def _text(stored: StoredLetter) -> str:
    return json.dumps(asdict(stored), indent=1) + "\n"
