"""Property values survive the way over the wire."""

from __future__ import annotations

from typing import Any

import pytest

from offline.plugins.values import UNKNOWN, Secret, decode, encode, is_known, reveal


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, -3, 2**40, 0.5, "", "text"),
        *([], [1, None, "a"], {}, {"a": {"b": [False]}}),
        *(UNKNOWN, [UNKNOWN], Secret("s"), Secret({"a": [UNKNOWN]}), {"a": Secret(None)}),
    ],
)
def test_what_is_encoded_is_decoded(value: Any) -> None:
    assert decode(encode({"value": value})) == {"value": value}


def test_whole_numbers_come_back_as_such() -> None:
    assert type(decode(encode({"value": 64}))["value"]) is int


def test_revealed_values_have_no_marks() -> None:
    assert reveal({"a": Secret([Secret("b")]), "c": 1}) == {"a": ["b"], "c": 1}


@pytest.mark.parametrize(
    ("value", "known"), [("a", True), ([{"a": 1}], True), (UNKNOWN, False), ([{"a": UNKNOWN}], False), (Secret(UNKNOWN), False)]
)
def test_unknown_is_found_at_any_depth(value: Any, known: bool) -> None:
    assert is_known(value) == known
