"""What the registry sends is read whatever it is."""

from __future__ import annotations

import json
import random

import pytest

from ops.events.envelope import parse
from tests.ops.gateway.gateway_rig import envelope, event


def test_an_event_is_read() -> None:
    [found], problem = parse(envelope(event("e1")))
    assert problem is None
    assert (found.id, found.action, found.repository, found.tag) == ("e1", "push", "team/app", "v1")
    assert (found.digest, found.actor) == ("sha256:" + "b5" * 32, "admin")
    assert (found.media_type, found.timestamp) == (
        "application/vnd.oci.image.manifest.v1+json",
        "2026-11-23T09:22:38.48Z",
    )
    assert json.loads(found.raw) == event("e1")


def test_what_the_registry_left_out_is_none() -> None:
    # A delete by tag, as registry 3.1 sends it: digest and media type empty, no actor's name.
    deleted = {"id": "e", "action": "delete", "target": {"mediaType": "", "digest": "", "tag": "v1"}, "actor": {}}
    [found], problem = parse(envelope(deleted))
    assert problem is None
    assert (found.tag, found.digest, found.media_type, found.actor, found.repository) == ("v1", None, None, None, None)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "not JSON: Expecting value"),
        (b'{"\xff', "not JSON: 'utf-8' codec"),
        (b"{", "not JSON"),
        (b'{"events": [{"id": NaN}]}', "not JSON: NaN"),
        (b'{"events": [{"id": "a", "size": 1e999}]}', "not JSON: Out of range"),
        (b'{"events": [{"id": "a", "size": ' + b"1" * 5000 + b"}]}", "not JSON: Exceeds the limit"),
        (b'{"events": ' + b"[" * 500_000, "not JSON"),
        (b'{"events": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not JSON"),
        (b"null", "no list of events"),
        (b"[]", "no list of events"),
        (b"{}", "no list of events"),
        (b'{"events": {}}', "no list of events"),
        (b'{"events": [1, null, "x", [], {}, {"id": 5}, {"id": ""}]}', "7 of 7 events have no id"),
    ],
)
def test_what_cannot_be_read_is_said(body: bytes, problem: str) -> None:
    events, found = parse(body)
    assert events == []
    assert found is not None
    assert found.startswith(problem)
    assert len(found) < 200


def test_good_events_beside_bad_ones_are_kept() -> None:
    events, problem = parse(envelope(event("e1"), {"no": "id"}, event("e2")))
    assert [item.id for item in events] == ["e1", "e2"]
    assert problem == "1 of 3 events have no id"


@pytest.mark.parametrize("odd", [None, 5, True, [], {}, "", [1], {"name": {}}])
def test_values_of_the_wrong_type_are_left_out(odd: object) -> None:
    [found], problem = parse(envelope({"id": "e", "action": odd, "target": odd, "actor": odd, "timestamp": odd}))
    assert problem is None
    assert (found.action, found.repository, found.actor, found.timestamp) == (None, None, None, None)


def test_half_a_surrogate_pair_becomes_something_storable() -> None:
    [found], _ = parse(rb'{"events": [{"id": "e\ud800", "target": {"tag": "\udfff", "repository": "a\u0000b"}}]}')
    assert (found.id, found.tag, found.repository) == ("e?", "?", "a\0b")
    found.raw.encode()


def test_damaged_envelopes_never_raise() -> None:
    dice = random.Random(3)  # noqa: S311  # the same damage each time
    good = envelope(event("e1"), event("e2"))
    for _ in range(3000):
        body = bytearray(good)
        for _ in range(dice.randint(1, 8)):
            position = dice.randrange(len(body))
            body[position : position + dice.randint(0, 3)] = dice.randbytes(dice.randint(0, 3))
        events, problem = parse(bytes(body))
        assert events or problem
