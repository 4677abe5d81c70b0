"""Delivers waiting letters: each channel separately and in order, late letters as one digest, with backoff after failures."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ops.notify import backoff
from ops.notify.channels import Sender
from ops.notify.http import RefusedError, UnavailableError
from ops.notify.mailbox import Mailbox, StoredLetter
from ops.notify.message import Letter, collapse
from ops.notify.outbox import Outbox, failing_file

LATE_S = 24 * 3600.0
GIVEN_UP_S = 72 * 3600.0
FLUSH_LIMIT_S = 60.0
_DIGEST_TITLE = "{} messages that could not be delivered earlier"


@dataclass(frozen=True)
class Delivery:
    """What happened to a channel's letters.

    Attributes:
        sent: How many letters the service accepted; those within a digest count one by one.
        refused: How many it will never accept.
        pending: How many are still waiting.
        problem: Why they are waiting; empty when nothing is wrong.
        retry_at: When the channel is tried again, in seconds since the epoch.
    """

    sent: int = 0
    refused: int = 0
    pending: int = 0
    problem: str = ""
    retry_at: float | None = None


def flush(
    outbox: Outbox,
    senders: Mapping[str, Sender],
    *,
    clock: Callable[[], float] = time.time,
    limit_s: float = FLUSH_LIMIT_S,
    draw: Callable[[], float] = random.random,
    at_once: bool = False,
) -> dict[str, Delivery]:
    """Deliver what is waiting, as far as the services accept it now; a broken channel does not hold up the others.

    Args:
        outbox: The letters.
        senders: The senders by channel.
        clock: Gives the time in seconds since the epoch.
        limit_s: After this long no further letter is started; the rest waits for the next run.
        draw: Gives numbers from 0 to 1.
        at_once: Whether to try channels that failed lately too, before it is time.
    """
    return {
        channel: _Run(outbox.mailbox(channel), send, clock, limit_s, draw, at_once=at_once).whole()
        for channel, send in senders.items()
    }


class _Run:
    """One delivery of one channel."""

    def __init__(
        self,
        box: Mailbox,
        send: Sender,
        clock: Callable[[], float],
        limit_s: float,
        draw: Callable[[], float],
        *,
        at_once: bool,
    ) -> None:
        self._box, self._send, self._clock, self._draw, self._at_once = box, send, clock, draw, at_once
        self._give_up = time.monotonic() + limit_s
        self._failing: backoff.Failing | None = None
        self._result = Delivery()

    def whole(self) -> Delivery:
        try:
            with self._box.locked() as held:
                if not held:
                    return replace(self._result, problem="another process is delivering right now")
                self._failing = backoff.load(failing_file(self._box))
                self._deliver()
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            self._result = replace(self._result, problem=f"the outbox: {where}{error.strerror or error}")
        return self._result

    def _deliver(self) -> None:
        box, now = self._box, self._clock()
        box.prepare()
        box.prune(now)
        waiting = dict(box.letters(box.new))
        self._result = replace(self._result, pending=len(waiting))
        if not waiting:
            return
        if self._failing and self._failing.waits(now) and not self._at_once:
            self._result = replace(self._result, problem=self._failing.reason, retry_at=self._failing.retry_at)
            return
        late = {name: stored for name, stored in waiting.items() if now - stored.letter.at > LATE_S}
        given_up = {name: stored for name, stored in box.letters(box.dead) if stored.given_up}
        goes_on = self._digest(late, given_up) if late or given_up else True
        for name in [name for name in waiting if name not in late]:
            if not goes_on or time.monotonic() > self._give_up:
                return
            goes_on = self._one(waiting[name].letter, {name: box.new})

    def _digest(self, late: Mapping[str, StoredLetter], given_up: Mapping[str, StoredLetter]) -> bool:
        """Send one message for letters that are late and for those given up."""
        folders = {**dict.fromkeys(given_up, self._box.dead), **dict.fromkeys(late, self._box.new)}
        letters = [({**given_up, **late})[name].letter for name in sorted(folders)]
        if len(letters) == 1:
            return self._one(replace(letters[0], message=collapse(letters, "")), folders)
        # The same letters give the same id, so that a reader recognizes a repeated digest.
        known_by = hashlib.sha256("".join(letter.id for letter in letters).encode()).hexdigest()[:8]
        digest = Letter(collapse(letters, _DIGEST_TITLE.format(len(letters))), self._clock(), known_by)
        return self._one(digest, folders)

    def _one(self, letter: Letter, folders: Mapping[str, Path]) -> bool:
        """Send a letter that stands for the given files; return whether to go on with this channel."""
        count, waited = len(folders), sum(folder == self._box.new for folder in folders.values())
        result = self._result
        try:
            self._send(letter)
        except RefusedError as error:
            for name, folder in folders.items():
                self._box.bury(name, folder, str(error))
            self._result = replace(
                result, refused=result.refused + count, pending=result.pending - waited, problem=f"refused for good: {error}"
            )
            return True
        except UnavailableError as error:
            self._failed(error)
            return False
        for name, folder in folders.items():
            self._box.finish(name, folder)
        self._result = replace(result, sent=result.sent + count, pending=result.pending - waited)
        if self._failing:
            self._failing = None
            backoff.save(failing_file(self._box), None)
        return True

    def _failed(self, error: UnavailableError) -> None:
        now = self._clock()
        failing = backoff.failed(self._failing, now, str(error), error.retry_after_s, self._draw)
        backoff.save(failing_file(self._box), failing)
        self._result = replace(self._result, problem=failing.reason, retry_at=failing.retry_at)
        for name, stored in self._box.letters(self._box.new):
            if now - stored.letter.at > GIVEN_UP_S:
                self._box.bury(name, self._box.new, f"not delivered within {GIVEN_UP_S / 3600:g} h: {error}", given_up=True)
                self._result = replace(self._result, pending=self._result.pending - 1)
