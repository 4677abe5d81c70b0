"""How the mirror fares, from what its runs have left: for `status`, the doctor and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ops.tasks.sync.mirror import Mirror
from ops.tasks.sync.model import EntryState, MirrorEntry
from ops.tasks.sync.state import Record


@dataclass(frozen=True)
class MirrorStatus:
    """How the mirror fares.

    Attributes:
        entries: Entries that are switched on, each with how it fared; None if it was never looked at.
        off: How many are switched off.
        ended: When a run ended last, in seconds since 1970; None if none did.
        pulls: By registry that counts pulls, how many were left then.
    """

    entries: tuple[tuple[MirrorEntry, Record | None], ...]
    off: int
    ended: float | None
    pulls: Mapping[str, int]

    def those(self, state: EntryState) -> list[tuple[MirrorEntry, Record]]:
        """Return the entries that fared so, without those in quarantine."""
        return [(entry, one) for entry, one in self.entries if one and one.state is state and not one.quarantined]

    @property
    def quarantined(self) -> list[tuple[MirrorEntry, Record]]:
        """The entries that failed so often that they are looked at once a day."""
        return [(entry, one) for entry, one in self.entries if one and one.quarantined]

    @property
    def well(self) -> int:
        """How many entries are as upstream has them."""
        return sum(one is not None and one.state in {EntryState.UNCHANGED, EntryState.CHANGED} for _, one in self.entries)

    @property
    def oldest_look(self) -> float | None:
        """When the entry was looked at that has not been for the longest time; None if there is one that never was."""
        looked = [one.looked if one else None for _, one in self.entries]
        return None if None in looked else min((one for one in looked if one), default=None)


def status_of(mirror: Mirror) -> MirrorStatus:
    """Return how a mirror fares.

    Raises:
        MirrorStateError: What is remembered cannot be read.
    """
    records, last = mirror.state.records(), mirror.state.last_run()
    on = [entry for entry in mirror.entries if entry.enabled]
    found = tuple((entry, records.get(entry.key)) for entry in on)
    return MirrorStatus(found, len(mirror.entries) - len(on), last[0] if last else None, last[1] if last else {})
