"""Retention rules: what may be ordered by version, and how versions compare."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from ops.config import RetentionRule, shape_of_tag, version_of


def problem(tags: str, order: str) -> str:
    try:
        RetentionRule.model_validate({"repository": "ci/app", "tags": tags, "keep": 1, "order": order})
    except ValidationError as error:
        return error.errors()[0]["msg"]
    return ""


@pytest.mark.parametrize(
    "tags",
    [r"v\d+\.\d+", r"v\d+\.\d+|v?\d+\.\d+\.\d+", r"ci-[0-9]+", r"[0-9]{8}-\d{4}", r"3\.\d+-alpine3\.\d+", r"v\d+-rc\.\d{1,3}"],
)
def test_numbers_in_the_same_places_have_an_order(tags: str) -> None:
    assert problem(tags, "version") == ""


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ("sha-[0-9a-f]{7}", "[0-9a-f]{7} in sha-[0-9a-f]{7} may be anything"),
        (".*", ".* in .* may be anything"),
        (r"v[\d.]+", r"[\d.]+ in v[\d.]+ may be anything"),
        (r"1.\d+", r". in 1.\d+ may be anything"),
        (r"v\d*", r"\d* in v\d* may be anything"),
        (r"\d+-?rc", "-? in "),
        (r"v\d+\.\d+|v\d+\.\d+-rc\d+", "none of # and #-rc# is higher than the other; give each a rule of its own"),
        ("latest|edge", "none of edge and latest is higher"),
        ("latest", "latest has no number"),
    ],
)
def test_names_without_an_order_are_refused(tags: str, told: str) -> None:
    assert told in problem(tags, "version")
    assert problem(tags, "pushed") == ""


@pytest.mark.parametrize("tags", ["|a", "a|", "a||b", "|", "(a)", "a++", "a{,5}", "[a-z", "a{3,1}", ""])
def test_what_may_take_long_or_cannot_be_read_is_refused(tags: str) -> None:
    assert problem(tags, "pushed")


def test_versions_compare_by_the_value_of_their_numbers() -> None:
    ascending = ["v9", "v9.2", "v9.9", "v9.010", "v9.10.1", "v10.0", "v10.1"]
    assert sorted(ascending, key=version_of) == ascending
    assert {shape_of_tag(tag) for tag in ascending} == {"#"}
    assert version_of("3.20-alpine3.9") < version_of("3.20-alpine3.10") < version_of("3.21-alpine3.1")


def test_a_number_may_have_any_length() -> None:
    assert version_of("v" + "9" * 5000) > version_of("v" + "9" * 100)
