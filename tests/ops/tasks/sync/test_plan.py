"""What is copied is decided from what is upstream, here and remembered alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ops.tasks.sync.model import EntryPlan, Seen, Weight
from ops.tasks.sync.plan import Here, Known, plan_of
from tests.ops.tasks.sync.entries_for_tests import entry, seen

NOW, DAY = 1_000_000.0, 86_400.0
OLD = "sha256:" + "0" * 64


def planned(
    *tags: Seen,
    here: Mapping[str, str] | None = None,
    known: Mapping[str, Known] | None = None,
    upstream: set[str] | None = None,
    policies: Mapping[str, Any] | None = None,
    **more: Any,
) -> EntryPlan:
    """Return the plan for an entry with these tags upstream."""
    tagged = here or {}
    return plan_of(
        entry(policies=policies, **more),
        tags,
        Here(lambda _, tag: tagged.get(tag), lambda _, __: Weight(3, 1000)),
        known or {},
        NOW,
        upstream_tags=upstream,
    )


def test_what_is_new_or_moved_is_copied() -> None:
    plan = planned(seen("1"), seen("2"), seen("3"), here={"2": OLD, "3": seen("3").digest})
    assert [(job.seen.tag, job.before) for job in plan.jobs] == [("1", None), ("2", OLD)]
    assert (plan.unchanged, plan.moved, plan.jobs[0].weight) == (("3",), (), Weight(3, 1000))


@pytest.mark.parametrize(("tag", "exact"), [("1.2.3", True), ("v1.2.3-alpine", True), ("1.2", False), ("latest", False)])
def test_exact_versions_that_move_are_told_and_copied_unless_they_are_held(tag: str, exact: bool) -> None:
    plan = planned(seen(tag), here={tag: OLD})
    assert (plan.moved, len(plan.jobs)) == ((tag,) if exact else (), 1)
    held = planned(seen(tag), here={tag: OLD}, policies={"hold": True})
    assert (dict(held.held), len(held.jobs)) == (({tag: seen(tag).digest}, 0) if exact else ({}, 1))


def test_what_was_released_goes_where_it_was_then_and_nowhere_else() -> None:
    hold = {"hold": True}
    released = {"1.2.3": Known(seen("1.2.3").digest, NOW, released=seen("1.2.3").digest)}
    assert len(planned(seen("1.2.3"), here={"1.2.3": OLD}, known=released, policies=hold).jobs) == 1
    moved_on = seen("1.2.3", "sha256:" + "f" * 64)
    assert planned(moved_on, here={"1.2.3": OLD}, known=released, policies=hold).held == {"1.2.3": moved_on.digest}


def test_age_counts_from_when_a_digest_was_first_seen() -> None:
    days = {"min_age": "3d"}
    known = {"old": Known(seen("old").digest, NOW - 3 * DAY), "young": Known(seen("young").digest, NOW - 2 * DAY)}
    known["moved"] = Known(OLD, NOW - 30 * DAY)
    plan = planned(seen("old"), seen("young"), seen("moved"), seen("new"), known=known, policies=days)
    assert [job.seen.tag for job in plan.jobs] == ["old"]
    assert plan.young == {"young": NOW + DAY, "moved": NOW + 3 * DAY, "new": NOW + 3 * DAY}


def test_what_left_upstream_is_told_if_it_is_here() -> None:
    known = {tag: Known(OLD, NOW) for tag in ("gone", "never-copied", "there")}
    assert planned(here={"gone": OLD, "there": OLD}, known=known, upstream={"there"}).gone == ("gone",)
    assert planned(here={"gone": OLD}, known=known).gone == (), "nobody asked"


def test_kinds_that_an_entry_does_not_want_are_left_out() -> None:
    chart = "application/vnd.custom.manifest.v1+json"
    assert planned(seen("1", media_type=chart)).ignored == ("1",)
    assert len(planned(seen("1", media_type=chart), mediaTypes=[chart]).jobs) == 1


def test_one_platform_is_compared_with_what_was_copied() -> None:
    single = {"platform_only": True}
    known = {"1": Known(seen("1").digest, NOW, copied=seen("1").digest)}
    assert planned(seen("1"), here={"1": OLD}, known=known, platform="linux/amd64", policies=single).unchanged == ("1",)
    assert len(planned(seen("1"), here={"1": OLD}, platform="linux/amd64", policies=single).jobs) == 1


def test_more_bytes_than_it_may_have_are_a_mistake() -> None:
    plan = planned(seen("1"), seen("2"), policies={"max_bytes": "1500B"})
    assert (plan.jobs, plan.failure is not None and "max_bytes" in plan.failure.why) == ((), True)


def test_what_is_about_an_image_comes_with_it_and_no_sooner_whatever_its_age() -> None:
    image, young = seen("1"), {"min_age": "3d"}
    signature = replace(seen("sha256-1.sig"), about=image.digest)
    assert planned(image, signature, policies=young).jobs == ()
    old = {"1": Known(image.digest, NOW - 4 * DAY)}
    jobs = planned(image, signature, known=old, policies=young).jobs
    assert [(job.seen.tag, job.weight) for job in jobs] == [("1", Weight(3, 1000)), ("sha256-1.sig", Weight(1, 0))]
    plan = planned(image, signature, here={"1": image.digest}, policies=young)
    assert ([job.seen.tag for job in plan.jobs], plan.unchanged) == (["sha256-1.sig"], ("1",))
