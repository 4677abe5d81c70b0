"""What a pattern of tags may be made of."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from infra.blocks.tag_patterns import PlainTagPattern, TagPattern

GROUPED: TypeAdapter[str] = TypeAdapter(TagPattern)
PLAIN: TypeAdapter[str] = TypeAdapter(PlainTagPattern)


def accepts(kind: TypeAdapter[str], pattern: str) -> bool:
    try:
        return kind.validate_python(pattern) == pattern
    except ValidationError:
        return False


@pytest.mark.parametrize(
    "pattern", ["latest", r"3\.\d+", "[0-9a-f]{7,40}", r"v?\d{1,3}\.\d+", r"a|b-\w*", "[^a-c.-]", "[-a]", r"[\d.\-_]+", "a{2,}"]
)
def test_patterns_of_single_characters_may_stand_anywhere(pattern: str) -> None:
    assert accepts(PLAIN, pattern)
    assert accepts(GROUPED, pattern)


@pytest.mark.parametrize(
    "pattern", [r"v?\d+(\.\d+){2}", r"(?:a|b)+-\d+", "^a$", r"3\.\d+(-alpine(\d+\.\d+)?)?", "a+?", "(a{9}){9}"]
)
def test_groups_are_for_entries_alone(pattern: str) -> None:
    assert accepts(GROUPED, pattern)
    assert not accepts(PLAIN, pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("(?!rc)a", id="look-ahead"),
        pytest.param("(?<=a)b", id="look-behind"),
        pytest.param(r"(a)\1", id="back-reference"),
        pytest.param("a++", id="possessive"),
        pytest.param("a**", id="twice"),
        pytest.param("(?>a)", id="atomic"),
        pytest.param("(?i)a", id="flag"),
        pytest.param("(?P<n>a)", id="named"),
        pytest.param("a{,5}", id="another meaning in Go"),
        pytest.param(r"[\.-z]", id="another meaning in Lua"),
        pytest.param("((a{99}){99}){9}", id="too many for Go"),
        pytest.param("[[:alpha:]]", id="no warning either"),
        pytest.param("[a-z", id="open set"),
        pytest.param("(a", id="open group"),
        pytest.param("a{3,1}", id="backwards"),
        pytest.param("*", id="nothing to repeat"),
        pytest.param('"', id="quotation mark"),
        pytest.param("{{.}}", id="template"),
        pytest.param("a b", id="blank"),
        pytest.param("", id="empty"),
    ],
)
def test_what_go_or_lua_would_not_understand_is_refused(pattern: str) -> None:
    assert not accepts(GROUPED, pattern)
    assert not accepts(PLAIN, pattern)


def test_a_plain_pattern_has_no_empty_alternative() -> None:
    assert [pattern for pattern in ("|a", "a|", "a||b", "|") if accepts(PLAIN, pattern)] == []
