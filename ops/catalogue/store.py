"""The catalogue's file: written whole or not at all, with its last states beside it, so that every edit can be undone.

A state is kept in a file of its own, `NUMBER-DIGEST.yml`, whose digest is that of what it was replaced by. What is written comes
second: whoever is killed in between leaves a state that is the file's own, which means that nothing has happened yet.
"""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ops.catalogue.errors import CatalogueBusyError, CatalogueError, EditedByHandError
from ops.core.files import copy_mode_and_owner, give_to_owner_of, write_atomic
from ops.core.locks import Holder, hold, stuck

KEPT = 20
_PATIENCE_S = 10.0
_MODE = 0o644
_LOCK = "lock"
_ABSENT, _PRESENT = ".absent", ".yml"


@dataclass(frozen=True)
class _State:
    """What the file was at a time.

    Attributes:
        path: Where that is kept.
        content: Its bytes; None when there was no file.
    """

    path: Path
    content: bytes | None

    @property
    def number(self) -> int:
        return int(self.path.name.partition("-")[0])

    @property
    def replaced_by(self) -> str:
        return self.path.stem.partition("-")[2]


class Store:
    """A catalogue's file."""

    def __init__(self, path: Path) -> None:
        """Name the file. A link to it stays one."""
        self.path = path.resolve()
        self.folder = self.path.parent / f".{self.path.stem}.backups"
        self._done, self._undone = self.folder / "done", self.folder / "undone"

    def read(self) -> bytes | None:
        """Return the file's content; None if there is no file.

        Raises:
            OSError: It cannot be read.
        """
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None

    def write(self, before: bytes | None, after: bytes) -> None:
        """Replace the file's content.

        Args:
            before: What it was when somebody decided what it shall be; None for no file.
            after: What it shall be.

        Raises:
            CatalogueBusyError: It is something else by now, or another process has been writing it for long. It is as it was.
            OSError: It cannot be written, or the disk is full. It is as it was.
        """
        with self._locked():
            self._require(before)
            if before == after:
                return
            self._keep(self._done, before, after)
            self._replace(after)
            for state in self._states(self._undone):
                state.path.unlink()
            for state in self._states(self._done)[:-KEPT]:
                state.path.unlink()

    def last(self, *, redo: bool = False) -> tuple[bytes | None, bytes | None]:
        """Return the file's content, and what it would be after an undo; or, with `redo`, after undoing the last undo.

        Raises:
            CatalogueError: There is nothing to undo.
        """
        now = self.read()
        return now, self._last(self._undone if redo else self._done, now).content

    def undo(self, *, redo: bool = False, force: bool = False) -> None:
        """Give the file the bytes that it had before its last edit; or, with `redo`, before its last undo.

        Args:
            redo: Undo the last undo.
            force: Undo though the file was edited by hand since. That edit can be had back by `redo`.

        Raises:
            CatalogueError: There is nothing to undo.
            EditedByHandError: It was edited by hand since.
            CatalogueBusyError: Another process has been writing it for long.
            OSError: It cannot be written.
        """
        from_, to = (self._undone, self._done) if redo else (self._done, self._undone)
        with self._locked():
            now = self.read()
            state = self._last(from_, now)
            if state.replaced_by != _digest(now) and not force:
                raise EditedByHandError(
                    f"{self.path.name} was edited by hand since; --dry-run shows what would be lost, and --force undoes it all"
                )
            self._keep(to, now, state.content)
            self._replace(state.content)
            state.path.unlink()

    def _locked(self) -> AbstractContextManager[None]:
        def refusal(holder: Holder | None) -> CatalogueBusyError:
            return CatalogueBusyError(stuck(holder, f"writing {self.path.name}", _PATIENCE_S))

        return hold(self.folder / _LOCK, "catalogue", refusal=refusal, patience=_PATIENCE_S)

    def _require(self, expected: bytes | None) -> None:
        if self.read() != expected:
            raise CatalogueBusyError(f"{self.path.name} was changed by somebody else just now; nothing was written: do it again")

    def _last(self, folder: Path, now: bytes | None) -> _State:
        states = self._states(folder)
        # The last step of whoever was killed before or after the file was replaced.
        while states and states[-1].content == now:
            states.pop()
        if states:
            return states[-1]
        raise CatalogueError(f"{self.path.name}: there is nothing to {'redo' if folder == self._undone else 'undo'}")

    def _states(self, folder: Path) -> list[_State]:
        paths = sorted(path for path in folder.glob("*-*") if path.suffix in {_ABSENT, _PRESENT} and path.name[0] != ".")
        return [_State(path, None if path.suffix == _ABSENT else path.read_bytes()) for path in paths]

    def _keep(self, folder: Path, content: bytes | None, replaced_by: bytes | None) -> None:
        states = self._states(folder)
        number = states[-1].number + 1 if states else 1
        suffix = _ABSENT if content is None else _PRESENT
        path = folder / f"{number:08}-{_digest(replaced_by)}{suffix}"
        mode = self.path.stat().st_mode & 0o777 if content is not None else _MODE
        write_atomic(path, content or b"", mode=mode)
        give_to_owner_of(self.path.parent, self.folder, self.folder / _LOCK, folder, path)

    def _replace(self, content: bytes | None) -> None:
        if content is None:
            self.path.unlink()
            return
        before = self.path.stat() if self.path.exists() else None
        write_atomic(self.path, content, mode=before.st_mode & 0o777 if before else _MODE)
        if before:
            copy_mode_and_owner(self.path, before)
        else:
            give_to_owner_of(self.path.parent, self.path)


def _digest(content: bytes | None) -> str:
    return "none" if content is None else hashlib.sha256(content).hexdigest()[:16]
