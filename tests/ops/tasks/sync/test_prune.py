"""Policies let go what the mirror has copied, and never what may be the last copy."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from ops.catalogue.entry import Policies
from ops.tasks.sync.prune import refusal, surplus

COPIED = {"1": True, "2": True, "3": True, "own": False, "left": True}
UPSTREAM = {"1", "2", "3", "own"}


def going(
    *, wanted: Collection[str] = ("2", "3"), upstream: Collection[str] = UPSTREAM, here: Collection[str] = COPIED, **given: Any
) -> tuple[str, ...]:
    """Return what goes of a repository of which 2 and 3 are mirrored now."""
    policies = Policies.model_validate(given)
    return surplus(
        policies, COPIED, wanted=wanted, matching={"1", "2", "3", "own"}, upstream=upstream, is_here=lambda tag: tag in here
    )


@pytest.mark.parametrize(
    ("policies", "gone"),
    [
        ({}, ()),
        ({"keep_last": 2}, ("1",)),
        ({"prune": True}, ("left",)),
        ({"keep_last": 2, "prune": True}, ("1", "left")),
        ({"keep_last": 2, "prune": True, "protect": ["1|x"]}, ("left",)),
        ({"keep_last": 2, "prune": True, "protect": [".*"]}, ()),
    ],
)
def test_each_policy_lets_go_what_it_names(policies: dict[str, Any], gone: tuple[str, ...]) -> None:
    assert going(**policies) == gone


def test_what_is_not_here_or_was_never_copied_does_not_go() -> None:
    assert going(keep_last=2, here={"2", "own"}) == ()


def test_of_a_repository_without_tags_nothing_goes() -> None:
    assert going(keep_last=2, prune=True, upstream=(), wanted=()) == ()


def test_so_many_at_once_are_refused() -> None:
    assert refusal(Policies(), [str(number) for number in range(10)]) is None
    failure = refusal(Policies(), [str(number) for number in range(11)])
    assert failure is not None
    assert "max_deletes of 10" in failure.why
