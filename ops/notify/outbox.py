"""The outbox: letters are on disk before their task reports success, and leave it when a service has them.

At least once: killed between sending and noting it, a letter is sent again, with the id that it had.
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
    """Messages cannot be kept; the message says why, and what to do. `exit_code` is 14 for a full disk."""

    def __init__(self, what: str, error: OSError) -> None:
        full = error.errno in _NO_SPACE
        remedy = "free some space there" if full else "see that its folder is there and that this user may write to it"
        super().__init__(f"{what}: {error.strerror or error}; {remedy}, and run the task again")
        self.exit_code = exit_codes.NO_SPACE if full else exit_codes.FAILED


@dataclass(frozen=True)
class Status:
    """How a channel is doing.

    Attributes:
        pending: Letters that wait.
        dead: Letters that were refused, or given up.
        oldest_s: Age of the oldest that waits, None when there is none.
        failing: Why it takes nothing, and until when it is left alone; None when it works.
    """

    pending: int
    dead: int
    oldest_s: float | None
    failing: backoff.Failing | None


@dataclass(frozen=True)
class Outbox:
    """All channels.

    Attributes:
        folder: One folder each.
        minimum: The mildest severity that goes there, by channel.
    """

    folder: Path
    minimum: Mapping[str, Severity]

    def mailbox(self, channel: str) -> Mailbox:
        """Return the letters of a channel."""
        return Mailbox(self.folder / channel)

    def post(self, letter: Letter) -> Letter:
        """Keep a letter for each channel that its severity is meant for; all are on disk when this returns.

        Returns:
            The letter with its id: posting that one again posts it only where it is not yet.

        Raises:
            OutboxError: It could not be kept everywhere.
        """
        posted = letter if letter.id else replace(letter, id=new_id())
        for channel, minimum in self.minimum.items():
            if letter.message.severity.rank >= minimum.rank:
                try:
                    self.mailbox(channel).post(posted)
                except OSError as error:
                    raise OutboxError(f"a message for {channel} cannot be kept in {self.folder}", error) from error
        return posted

    def status(self, now: float) -> dict[str, Status]:
        """Return how all channels are doing."""
        return {channel: _status(self.mailbox(channel), now) for channel in self.minimum}


def new_id() -> str:
    """Return an id for a letter."""
    return secrets.token_hex(4)


def failing_file(box: Mailbox) -> Path:
    """Return where it stands how a channel fails."""
    return box.folder / "failing.json"


def _status(box: Mailbox, now: float) -> Status:
    waiting = names(box.new)
    written = [stored.letter.at for _, stored in box.letters(box.new)] if waiting else []
    oldest = max(0.0, now - min(written)) if written else None
    return Status(len(waiting), len(names(box.dead)), oldest, backoff.load(failing_file(box)))
