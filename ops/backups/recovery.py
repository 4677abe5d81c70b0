"""How far the recovery that a stack's settings ask for has come. Scheduled tasks wait for it: they would see half a registry."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from ops.config import RECOVERY_FILE
from ops.core import exit_codes
from ops.core.files import write_atomic
from ops.stack.stack import Stack

SCHEMA = 1


class RecoveryAwaitedError(Exception):
    """A task would take half a registry for all of it; the message says what it waits for."""

    exit_code = exit_codes.BUSY

    def __init__(self) -> None:
        super().__init__("this stack is about to be recovered, and nothing else works on it before; `up` goes on with that")


@dataclass(frozen=True)
class Recovery:
    """A recovery that has begun. Times are in seconds since 1970; 0 for what has not come to pass.

    Attributes:
        asked: What the settings asked for.
        backup: The id of the backup; empty if nothing had to be recovered.
        made_at: When that was made, in ISO 8601: what is newer is lost.
        began: When it began.
        pointers: When all pointers were on the disk, so that the registry could start: blobs may be read from the backup.
        restored: When everything was on the disk.
        served: When the registry was found to serve it.
        problems: What could not be recovered.
    """

    asked: str
    backup: str = ""
    made_at: str = ""
    began: float = 0.0
    pointers: float = 0.0
    restored: float = 0.0
    served: float = 0.0
    problems: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to restore."""
        return not self.backup or self.restored > 0

    @property
    def lost_s(self) -> float:
        """How old the backup was when the recovery began, in seconds."""
        return max(0.0, self.began - datetime.fromisoformat(self.made_at).timestamp()) if self.made_at else 0.0


def recovery_of(stack: Stack) -> Recovery | None:
    """Return how far the recovery has come; None if none has begun."""
    try:
        known = json.loads(_file(stack).read_text())
    except FileNotFoundError:
        return None
    return Recovery(**{**known["recovery"], "problems": tuple(known["recovery"]["problems"])})


def note_recovery(stack: Stack, recovery: Recovery) -> None:
    """Note how far it has come.

    Raises:
        OSError: It cannot be written.
    """
    write_atomic(_file(stack), json.dumps({"schema": SCHEMA, "recovery": asdict(recovery)}) + "\n", mode=0o640)


def is_awaited(stack: Stack, *, pointers_suffice: bool = False) -> bool:
    """Whether the settings ask for a recovery that is not done yet.

    Args:
        stack: The stack.
        pointers_suffice: Whether it is enough that all pointers are back.
    """
    if stack.config.recover is None:
        return False
    known = recovery_of(stack)
    if known is None:
        return True
    return not known.is_done and not (pointers_suffice and known.pointers)


def _file(stack: Stack) -> Path:
    return stack.data / RECOVERY_FILE
