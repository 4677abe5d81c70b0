"""The outbox: letters are on disk before their task reports success, and stay until a service has accepted them.

Delivery is at least once: after a kill between sending and recording it, a letter is sent again with the same id.
"""

from __future__ import annotations

import errno
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ops.config.notify import Severity
from ops.core import exit_codes
from ops.notify import backoff
from ops.notify.mailbox import Mailbox, names
from ops.notify.message import Letter

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


class OutboxError(Exception):
    """Messages cannot be stored; the text says why and what to do. `exit_code` is 14 for a full disk."""

    def __init__(self, what: str, error: OSError) -> None:
        full = error.errno in _NO_SPACE
        remedy = "free some space there" if full else "check that its folder exists and that this user may write to it"
        super().__init__(f"{what}: {error.strerror or error}; {remedy}, then run the task again")
        self.exit_code = exit_codes.NO_SPACE if full else exit_codes.FAILED


@dataclass(frozen=True)
class Status:
    """The state of a channel.

    Attributes:
        pending: Letters that are waiting.
        dead: Letters that were refused or given up.
        oldest_s: Age of the oldest waiting letter; None when there is none.
        failing: Why it accepts nothing, and when it is tried again; None when it works.
    """

    pending: int
    dead: int
    oldest_s: float | None
    failing: backoff.Failing | None


@dataclass(frozen=True)
class Outbox:
    """The letters of all channels.

    Attributes:
        folder: Has one folder for each channel.
        minimum: The lowest severity that goes there, by channel.
    """

    folder: Path
    minimum: Mapping[str, Severity]

    def mailbox(self, channel: str) -> Mailbox:
        """Return the mailbox of a channel."""
        return Mailbox(self.folder / channel)

    def post(self, letter: Letter) -> Letter:
        """Store a letter for each channel that wants its severity; all copies are on disk when this returns.

        Returns:
            The letter with its id: posting it again only adds it where it is missing.

        Raises:
            OutboxError: It could not be stored everywhere.
        """
        posted = letter if letter.id else replace(letter, id=new_id())
        for channel, minimum in self.minimum.items():
            if letter.message.severity.rank >= minimum.rank:
                try:
                    self.mailbox(channel).post(posted)
                except OSError as error:
                    raise OutboxError(f"cannot store a message for {channel} in {self.folder}", error) from error
        return posted

    def status(self, now: float) -> dict[str, Status]:
        """Return the state of all channels."""
        return {channel: _status(self.mailbox(channel), now) for channel in self.minimum}


def new_id() -> str:
    """Return a new id for a letter."""
    return secrets.token_hex(4)


def failing_file(box: Mailbox) -> Path:
    """Return the file that records the failures of a channel."""
    return box.folder / "failing.json"


def _status(box: Mailbox, now: float) -> Status:
    waiting = names(box.new)
    written = [stored.letter.at for _, stored in box.letters(box.new)] if waiting else []
    oldest = max(0.0, now - min(written)) if written else None
    return Status(len(waiting), len(names(box.dead)), oldest, backoff.load(failing_file(box)))
