"""Compares the ledger with a scan: which tags were added, moved and removed. Pure; unknown never counts as removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ops.core import exit_codes
from ops.tasks.changes.model import Change, Gap, Kind, Scan, State, Unknown

_VANISHED_LIMIT = 0.5


class VanishedError(Exception):
    """So many tags have vanished that a mistake is more likely than deletions: nothing was recorded."""

    exit_code = exit_codes.MISMATCH


@dataclass(frozen=True)
class Difference:
    """What differs between the ledger and a scan.

    Attributes:
        changes: In order of repository and tag.
        gaps: What could not be read.
    """

    changes: Sequence[Change]
    gaps: Sequence[Gap]


def compare(before: State, seen: Scan) -> Difference:
    """Return what differs between what was known and what a scan found."""
    changes: list[Change] = []
    gaps: list[Gap] = [Gap("", "", seen.missing.reason)] if seen.missing else []
    for repository in sorted(before.keys() | seen.repositories.keys()):
        known = before.get(repository, {})
        tags = seen.repositories.get(repository, seen.missing or {})
        if isinstance(tags, Unknown):
            gaps.append(Gap(repository, "", tags.reason))
            continue
        for tag in sorted(known.keys() | tags.keys()):
            old, new = known.get(tag), tags.get(tag)
            if isinstance(new, Unknown):
                gaps.append(Gap(repository, tag, new.reason))
            elif old != new:
                changes.append(Change(repository, tag, old, new))
    return Difference(changes, gaps)


def repositories_changed(before: State, after: State) -> tuple[list[str], list[str]]:
    """Return the repositories that got their first tag, and those that lost their last one."""
    had, have = ({repository for repository, tags in state.items() if tags} for state in (before, after))
    return sorted(have - had), sorted(had - have)


def refuse_vanished(before: State, difference: Difference) -> None:
    """Check that at most half of the known tags have vanished, not counting those that could not be read.

    Raises:
        VanishedError: More have.
    """
    hidden = {(gap.repository, gap.tag) for gap in difference.gaps}
    looked_for = sum(
        1
        for repository, tags in before.items()
        if (repository, "") not in hidden
        for tag in tags
        if (repository, tag) not in hidden
    )
    vanished = sum(change.kind is Kind.REMOVED for change in difference.changes)
    if vanished > looked_for * _VANISHED_LIMIT:
        raise VanishedError(
            f"{vanished} of {looked_for} tags have vanished, and no event of the registry explains it; nothing was recorded."
            " Check that this is the right registry and its disk is mounted; if they were deleted on purpose, run with --accept"
        )
