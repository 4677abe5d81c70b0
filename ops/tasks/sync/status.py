"""How the mirror fares, from what its runs have left: for `status`, the doctor, metrics and messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from ops.catalogue.errors import CatalogueError
from ops.catalogue.shipped import working_copy
from ops.config import MIRROR_FOLDER, MirrorSettings
from ops.stack.mirror import catalogue_of
from ops.stack.stack import Stack
from ops.tasks.sync.mirror import Mirror, entries_of
from ops.tasks.sync.model import EntryState, MirrorEntry
from ops.tasks.sync.state import DATABASE, MirrorState, Record

_WELL = {EntryState.UNCHANGED, EntryState.CHANGED}
# A catalogue of a thousand entries is read in a fifth of a second.
_READ_AT_ONCE = 300_000


@dataclass(frozen=True)
class MirrorStatus:
    """How the mirror fares.

    Attributes:
        entries: Entries that are switched on, each with how it fared; None if it was never looked at.
        off: How many are switched off.
        ended: When a run ended last, in seconds since 1970; None if none did.
        pulls: By registry that counts pulls, how many were left then.
        problem: Why the catalogue cannot be read; the entries are those that are remembered, then.
    """

    entries: tuple[tuple[MirrorEntry, Record | None], ...]
    off: int
    ended: float | None
    pulls: Mapping[str, int]
    problem: CatalogueError | None = None

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
        return sum(self.is_well(one) for _, one in self.entries)

    @staticmethod
    def is_well(record: Record | None) -> bool:
        """Whether an entry was as upstream has it when it was looked at last."""
        return record is not None and record.state in _WELL

    @property
    def unknown(self) -> int:
        """How many entries were never looked at."""
        return sum(one is None for _, one in self.entries)

    @property
    def oldest_look(self) -> float | None:
        """When the entry was looked at that has not been for the longest time; None if there is one that never was."""
        looked = [one.looked if one else None for _, one in self.entries]
        return None if None in looked else min((one for one in looked if one), default=None)

    def summary(self, now: float) -> str:
        """Return how it fares, in one line."""
        parts = [f"{self.well} of {len(self.entries)} entries well"]
        if self.oldest_look is not None:
            parts[0] += f", oldest look {_ago(now - self.oldest_look)} ago"
        for count, word in (
            (len(self.those(EntryState.FAILED)), "failed"),
            (len(self.quarantined), "quarantined"),
            (len(self.those(EntryState.WAITING)), "waiting"),
            (len(self.those(EntryState.SKIPPED)), "skipped"),
            (self.unknown, "never looked at"),
        ):
            if count:
                parts.append(f"{count} {word}")
        return "; ".join([parts[0], ", ".join(parts[1:])]) if parts[1:] else parts[0]


def status_of(mirror: Mirror) -> MirrorStatus:
    """Return how a mirror fares.

    Raises:
        MirrorStateError: What is remembered cannot be read.
    """
    return _status(mirror.entries, mirror.state.records(), mirror.state.last_run())


def standing(stack: Stack, settings: MirrorSettings, *, brief: bool = False) -> MirrorStatus:
    """Return how a stack's mirror fares, also when its catalogue cannot be read. No upstream is asked.

    Args:
        stack: The stack.
        settings: Its mirror's settings.
        brief: Not to read a large catalogue, which takes a second or two, when all that is remembered is well.

    Raises:
        MirrorStateError: What is remembered cannot be read.
    """
    path = stack.root / MIRROR_FOLDER / DATABASE
    records, last = dict[str, Record](), None
    if path.exists():
        with closing(MirrorState(path)) as state:
            records, last = dict(state.records()), state.last_run()
    remembered = _unnamed(records, last)
    try:
        if brief and last and working_copy(stack.root).stat().st_size > _READ_AT_ONCE and remembered.well == len(records):
            return remembered
        return _status(entries_of(catalogue_of(stack), settings), records, last)
    except CatalogueError as error:
        return replace(remembered, problem=error)
    except OSError as error:
        return replace(remembered, problem=CatalogueError(f"{error.filename} cannot be read: {error.strerror}"))


_Last = tuple[float, Mapping[str, int]] | None


def _status(entries: Sequence[MirrorEntry], records: Mapping[str, Record], last: _Last) -> MirrorStatus:
    found = tuple((entry, records.get(entry.key)) for entry in entries if entry.enabled)
    ended, pulls = last or (None, {})
    return MirrorStatus(found, len(entries) - len(found), ended, pulls)


def _unnamed(records: Mapping[str, Record], last: _Last) -> MirrorStatus:
    """Return how those entries fare that are remembered, by what is remembered of their names."""
    found = tuple((MirrorEntry(0, None, "", None, None, key), one) for key, one in records.items())
    ended, pulls = last or (None, {})
    return MirrorStatus(found, 0, ended, pulls)


def _ago(seconds: float) -> str:
    hours = max(0.0, seconds) / 3600
    return f"{hours:.0f} h" if hours >= 1 else f"{hours * 60:.0f} min"
