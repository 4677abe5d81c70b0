"""Events become one entry for each push or deletion."""

from __future__ import annotations

from typing import Any

import pytest

from ops.events.envelope import parse
from ops.events.reader import Stored
from ops.tasks.changes.pushes import Entry, coalesce
from tests.ops.gateway.gateway_rig import envelope, event
from tests.ops.tasks.changes.ledger_samples import A, B, C

INDEX = "application/vnd.oci.image.index.v1+json"


def run_of(*events: dict[str, Any]) -> list[Stored]:
    """Return events as the gateway keeps them, numbered from 1."""
    return [Stored(number, "2026-11-23T09:22:39+00:00", one) for number, one in enumerate(parse(envelope(*events))[0], start=1)]


def deleted(event_id: str, **target: str) -> dict[str, Any]:
    return event(event_id, mediaType="", **{"digest": "", **target}) | {"action": "delete"}


def briefly(entries: Any) -> list[tuple[str, str, tuple[str, ...], str | None]]:
    return [(one.action, one.repository, one.tags, one.digest) for one in entries]


def test_a_push_for_several_platforms_is_one() -> None:
    children = [event(f"c{number}", tag="", digest=digest) for number, digest in enumerate((A, B))]
    told = run_of(*children, event("i", mediaType=INDEX, digest=C, tag="v1"))
    assert coalesce(told) == [
        Entry("push", "team/app", ("v1",), C, True, "admin", "2026-11-23T09:22:38.48Z", 3, 3),
    ]


def test_tags_of_one_manifest_are_one_push() -> None:
    told = run_of(*(event(tag, tag=tag, digest=A) for tag in ("1", "1.2", "latest")))
    assert briefly(coalesce(told)) == [("push", "team/app", ("1", "1.2", "latest"), A)]
    assert [(entry.first, entry.last) for entry in coalesce(told)] == [(1, 3)]


def test_what_is_told_twice_counts_once() -> None:
    first, second = event("e1", tag="v1", digest=A), event("e2", tag="v1", digest=B)
    again = event("e3", tag="v1", digest=B)  # another event of the same: the client has sent it twice
    assert briefly(coalesce(run_of(first, second, first, again))) == [
        ("push", "team/app", ("v1",), A),
        ("push", "team/app", ("v1",), B),
    ]


def test_a_tag_that_moves_there_and_back_was_pushed_three_times() -> None:
    told = run_of(*(event(f"e{number}", tag="v1", digest=digest) for number, digest in enumerate((A, B, A))))
    assert [entry.digest for entry in coalesce(told)] == [A, B, A]


def test_pushes_that_cross_each_other_stay_apart() -> None:
    told = run_of(
        event("1", repository="a", tag="1", digest=A),
        event("2", repository="b", tag="1", digest=B),
        event("3", repository="a", tag="latest", digest=A),
        event("4", repository="b", tag="latest", digest=B) | {"actor": {"name": "robot"}},
    )
    assert briefly(coalesce(told)) == [
        ("push", "a", ("1", "latest"), A),
        ("push", "b", ("1",), B),
        ("push", "b", ("latest",), B),
    ]


def test_a_deletion_takes_its_tags_along() -> None:
    told = run_of(deleted("1", tag="", digest=A), deleted("2", tag="v1"), deleted("3", tag="latest"))
    assert briefly(coalesce(told)) == [("delete", "team/app", ("v1", "latest"), None)]


@pytest.mark.parametrize(
    "nothing",
    [
        event("e", tag="sha256-" + "a" * 64),
        event("e", tag="sha256-" + "a" * 64 + ".sig"),
        event("e", tag="") | {"action": "mount"},
        event("e") | {"action": "pull"},
        event("e", repository="regops/canary"),
        event("e", digest=""),
        deleted("e", tag="", digest=A),
    ],
)
def test_what_nobody_did_is_left_out(nothing: dict[str, Any]) -> None:
    assert coalesce(run_of(nothing)) == []
