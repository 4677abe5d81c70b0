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
from ops.notify.message import Fingerprint, Letter

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
# Nobody wants to miss alerts for longer than this.
_LATE_S = 3600.0


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

    @property
    def problem(self) -> str:
        """Why its messages do not arrive, if they have not for so long that somebody should know; else empty."""
        if self.dead:
            return f"{count(self.dead)} refused, or given up after three days"
        if self.failing and (self.oldest_s or 0.0) > _LATE_S:
            return self.waiting
        return ""

    @property
    def waiting(self) -> str:
        """What is waiting, and for what."""
        what = f"{count(self.pending)} waiting" if self.pending else "nothing waiting"
        return f"{what}: {self.failing.reason}" if self.failing else what


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

        That a channel does not work is said through the others.

        Returns:
            The letter with its id: posting it again only adds it where it is missing.

        Raises:
            OutboxError: It could not be stored everywhere.
        """
        posted = letter if letter.id else replace(letter, id=new_id())
        reach = letter.message.reach or letter.message.severity
        for channel, minimum in self.minimum.items():
            if reach.rank >= minimum.rank and letter.message.fingerprint != outage_of(channel):
                try:
                    self.mailbox(channel).post(posted)
                except OSError as error:
                    raise OutboxError(f"cannot store a message for {channel} in {self.folder}", error) from error
        return posted

    def status(self, now: float) -> dict[str, Status]:
        """Return the state of all channels."""
        return {channel: _status(self.mailbox(channel), now) for channel in self.minimum}


def outage_of(channel: str) -> Fingerprint:
    """Return what is known by this name when a channel does not work."""
    return Fingerprint("notify", "channel", channel)


def count(messages: int) -> str:
    """Return how many messages there are, in words."""
    return "1 message" if messages == 1 else f"{messages} messages"


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
