"""Words that people, settings and other registries give, of any content: understood or refused, and in bounded time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ops.catalogue.entry import VersionRange
from ops.catalogue.names import filled_in, name_of
from ops.catalogue.patterns import Patterns
from ops.catalogue.semver import Range, version
from ops.catalogue.tag_filter import highest
from ops.config import MovingPattern, TagPattern
from ops.config.retention import PlainTagPattern
from ops.config.tag_patterns import has_loose_alternatives
from ops.core.time_expressions import duration, moment
from tests.attackers.fuzzing import in_bounded_time, texts, told

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
# The longest that anybody has reason to write, and longer than that.
REPEATS = st.sampled_from((1, 2, 50, 3_000))
PIECES = (
    *(
        "a",
        "z",
        "9",
        ".",
        r"\d",
        r"\w",
        r"\.",
        "[",
        "]",
        "[a-z]",
        "[^a]",
        "[[:alpha:]]",
        "(",
        "(?:",
        "(?i)",
        "(?=",
        "(?P<x>",
        ")",
    ),
    *(
        "*",
        "+",
        "?",
        "*?",
        "{2}",
        "{2,}",
        "{4294967295,2}",
        "{1001}",
        "|",
        "^",
        "$",
        "-",
        r"\Q",
        r"\E",
        "\\",
        r"\1",
        r"\x{110000}",
        r"\pL",
    ),
)
pieces = st.tuples(st.sampled_from(PIECES), REPEATS).map(lambda found: found[0] * found[1])
patterns = st.lists(pieces, max_size=8).map("".join) | texts
balanced = st.tuples(REPEATS, texts).map(lambda found: "(" * found[0] + found[1] + ")" * found[0])
number = st.integers(0, 10**6).map(str) | st.just("9" * 5_000) | st.just("٣")
TIMES = ("now", "yesterday", "2026-03-01T14:30", "9999-12-31T23:59-14:00", "0001-01-01T00:00+14:00", "2026-W01", "24:00", "")
times = st.tuples(number, st.sampled_from(("m", "h", "d", "w", "", " D", "y"))).map("".join) | st.sampled_from(TIMES) | texts
VERSIONS = ("1.2.3", "v2", "1.0-rc.1+build", ">=1 <2", "^1", "~0.2", "1" + ".1" * 2_000, "v" + "7" * 5_000, "-" * 3_000)
versions = st.sampled_from(VERSIONS) | st.lists(number | st.sampled_from(".-+v"), max_size=8).map("".join) | texts


@pytest.mark.parametrize("kind", [TagPattern, PlainTagPattern, MovingPattern, VersionRange])
@given(patterns | balanced | versions)
def test_a_pattern_is_taken_or_said_to_be_none(kind: Any, text: str) -> None:
    adapter: TypeAdapter[str] = TypeAdapter(kind)
    with in_bounded_time():
        try:
            adapter.validate_python(text)
        except ValidationError:
            pass
        else:
            has_loose_alternatives(text)


@given(patterns | balanced, st.lists(texts, max_size=3))
def test_what_was_taken_compares_in_bounded_time(text: str, tags: list[str]) -> None:
    with in_bounded_time():
        try:
            taken = Patterns([TypeAdapter(TagPattern).validate_python(text)])
        except ValueError:
            return
        for tag in (*tags, "a" * 20_000, "9." * 10_000):
            taken.match(tag.encode("utf-8", "replace").decode())


@given(times)
def test_a_time_is_one_or_is_said_to_be_none(text: str) -> None:
    with in_bounded_time():
        said = [told(lambda: moment(text, NOW), ValueError), told(lambda: duration(text), ValueError)]
    assert all("write " in one for one in said if one)


@given(versions, st.lists(versions, max_size=5))
def test_versions_are_compared_whatever_tags_there_are(text: str, tags: list[str]) -> None:
    with in_bounded_time():
        assert set(highest(tags, 3)) <= set(tags)
        try:
            wanted = Range(text)
        except ValueError:
            return
        for tag in tags:
            found = version(tag)
            assert found is None or (found in wanted) in {True, False}


NAMES = (
    "docker.io/library/alpine:3.20",
    "host:5000/a@sha256:" + "a" * 64,
    "localhost/x",
    '{{ env "A" }}/b',
    "{{ env `A` }}",
    "A.b/c",
)
names = (
    st.sampled_from(NAMES)
    | st.lists(st.sampled_from((*'abzA09.-_/:@[]{}"` ', "a-" * 2_000, "A" * 2_000)), max_size=9).map("".join)
    | texts
)


@given(names)
def test_a_name_is_one_or_is_said_to_be_none(text: str) -> None:
    with in_bounded_time():
        filled = filled_in(text, {"A": "a.example.com"})
        try:
            name = name_of(text if filled is None else filled)
        except ValueError:
            return
        assert name_of(str(name)) == name
