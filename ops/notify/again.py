"""Problems that are reported again with the beginning of one that has ended: they are believed once that is repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ops.notify.message import Fingerprint, Time

# For so long after its end.
DOUBTED_S = 86_400.0
# So much later the same report is another one, and not the same once more.
REPEATED_S = 60.0
_KEPT = 200


@dataclass(frozen=True)
class Ended:
    """A problem that has ended.

    Attributes:
        name: What it is known by.
        began: When it began, as whoever reported it says, in seconds since the epoch.
        at: When its end was reported.
        again: When it was first reported after that, with the same beginning; None if it was not.
    """

    name: Fingerprint
    began: Time
    at: Time
    again: Time | None = None


class Endings:
    """The ends that still matter."""

    def __init__(self, known: Sequence[Ended], now: float) -> None:
        """Take them as they are known, in the order in which they came."""
        self._now = now
        self._by_name = {one.name: one for one in known if 0 <= now - one.at <= DOUBTED_S}

    def add(self, name: Fingerprint, began: float | None) -> None:
        """Take an end.

        Args:
            name: What has ended.
            began: When that began; None if it was not going on as far as is known, or if nobody has said.
        """
        before = self._by_name.pop(name, None)
        if began is not None:
            self._by_name[name] = Ended(name, began, self._now)
        elif before:
            self._by_name[name] = replace(before, again=None)

    def doubt(self, name: Fingerprint, began: float | None) -> bool:
        """Whether a report is not believed yet: it may be what was reported before its end, and comes once more.

        But Alertmanager also ends what it has not heard of for some minutes, and begins it again with the same beginning. That it
        repeats, and the other comes alone.
        """
        one = self._by_name.get(name)
        if one is None or one.began != began:
            return False
        if one.again is None:
            self._by_name[name] = replace(one, again=self._now)
            return True
        return 0 <= self._now - one.again < REPEATED_S

    def kept(self) -> tuple[Ended, ...]:
        """Return what to remember of them."""
        return tuple(self._by_name.values())[-_KEPT:]
