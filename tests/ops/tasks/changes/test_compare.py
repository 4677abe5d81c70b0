"""Comparing what is known with what is seen."""

from __future__ import annotations

import pytest

from ops.tasks.changes.compare import Difference, VanishedError, compare, refuse_vanished, repositories_changed
from ops.tasks.changes.model import Change, Gap, Kind, Scan
from tests.ops.tasks.changes.ledger_samples import LOST, A, B, C, baseline, seen


def test_tags_come_move_go_and_stay() -> None:
    found = compare(baseline(gone=A, moved=A, same=C), seen(moved=B, new=C, same=C))
    assert found == Difference(
        [Change("app", "gone", A, None), Change("app", "moved", A, B), Change("app", "new", None, C)],
        [],
    )
    assert [change.kind for change in found.changes] == [Kind.REMOVED, Kind.MOVED, Kind.ADDED]


def test_what_is_unknown_is_neither_removed_nor_moved() -> None:
    before = {"app": {"1": A, "2": B}, "other": {"1": A}, "unlisted": {"1": A}}
    found = compare(before, Scan({"app": {"1": LOST}, "other": LOST, "never-seen": LOST}))
    assert found.gaps == [Gap("app", "1", LOST.reason), Gap("never-seen", "", LOST.reason), Gap("other", "", LOST.reason)]
    assert found.changes == [Change("app", "2", B, None), Change("unlisted", "1", A, None)]


def test_no_repository_is_removed_when_not_all_could_be_listed() -> None:
    found = compare({"app": {"1": A}, "unlisted": {"1": A}}, Scan({"app": {}}, missing=LOST))
    assert found.changes == [Change("app", "1", A, None)]
    assert found.gaps == [Gap("", "", LOST.reason), Gap("unlisted", "", LOST.reason)]


def test_a_repository_without_tags_is_none() -> None:
    assert compare({}, Scan({"emptied": {}})) == Difference([], [])
    assert repositories_changed({"old": {"1": A}, "kept": {"1": A}}, {"kept": {"1": B}, "new": {"1": A}, "empty": {}}) == (
        ["new"],
        ["old"],
    )


@pytest.mark.parametrize(("gone", "refused"), [(5, False), (6, True), (10, True)])
def test_more_than_half_of_the_tags_do_not_vanish_unasked(gone: int, refused: bool) -> None:
    before = baseline(**{f"t{number}": A for number in range(10)})
    found = compare(before, seen(**{f"t{number}": A for number in range(gone, 10)}))
    if refused:
        with pytest.raises(VanishedError, match=f"{gone} of 10 tags have vanished.* nothing was recorded.*--accept"):
            refuse_vanished(before, found)
    else:
        refuse_vanished(before, found)


def test_tags_that_cannot_be_looked_for_do_not_hide_that_the_others_vanished() -> None:
    before = {"app": {f"t{number}": A for number in range(4)}, "hidden": {f"t{number}": A for number in range(100)}}
    with pytest.raises(VanishedError, match="2 of 3 tags"):
        refuse_vanished(before, compare(before, Scan({"app": {"t0": A, "t3": LOST}, "hidden": LOST})))
