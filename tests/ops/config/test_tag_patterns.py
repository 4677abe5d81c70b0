"""What a pattern of mirrored tags may be made of: all that regsync understands, which is Go's language, and nothing else."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from ops.config.tag_patterns import TagPattern, has_loose_alternatives

PATTERN: TypeAdapter[str] = TypeAdapter(TagPattern)


def problem(pattern: str) -> str:
    try:
        return "" if PATTERN.validate_python(pattern) == pattern else "changed"
    except ValidationError as error:
        return error.errors()[0]["msg"]


@pytest.mark.parametrize(
    "pattern",
    [
        *("latest", r"3\.\d+", "[0-9a-f]{7,40}", r"v?\d{1,3}\.\d+", r"a|b-\w*", "[^a-c.-]", "[-a]", "[a-]", "[]a]", r"[\d.\-_]+"),
        *("a{2,}", r"v?\d+(\.\d+){2}", r"(?:a|b)+-\d+", "^a$", r"3\.\d+(-alpine(\d+\.\d+)?)?", "a+?", "a{2}?", "(a{9}){9}", "()"),
        *("(?i)a", "(?i-s:x)", "(?P<name>a)", "(?<name>a)", "[[:alpha:]]", "[[:^digit:]x]", r"\pL\p{Greek}", r"\Q1.2\E.*"),
        *(r"\bfoo\B", r"\Aa\z", r"\x41[\x41-\x43]", r"\D\S\W", "a{,5}", "x{a", "a b", '"', "{{.}}", "a|", r"[\.-z]"),
    ],
)
def test_what_regsync_understands_is_taken(pattern: str) -> None:
    assert problem(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(?!rc)a", "look-ahead"),
        ("a(?=b)", "look-ahead"),
        ("(?<=a)b", "look-behind"),
        (r"(a)\1", "back-reference"),
        ("(?P<n>a)(?P=n)", "back-reference"),
        ("(?>a)", "atomic"),
        ("a++", "repetition of a repetition"),
        ("a**", "repetition of a repetition"),
        ("a{2}{3}", "repetition of a repetition"),
        ("(?x)a", "understands"),
        (r"\y", "understands"),
        (r"\Qa", "understands"),
        ("[a-z", "understands"),
        ("[[:letters:]]", "understands"),
        ("[z-a]", "bad character range"),
        ("a{1001}", "more than 1000 times"),
        ("((a{99}){99}){9}", "more than 1000 times"),
        ("(a", "missing )"),
        ("a)", "unbalanced"),
        ("a{3,1}", "min repeat greater"),
        ("a{4294967296,2}", "more than 1000 times"),
        ("a{" + "9" * 5000 + "}", "more than 1000 times"),
        ("(" * 3000 + ")" * 3000, "more than 100 groups within each other"),
        ("*", "nothing to repeat"),
        ("", "is empty"),
    ],
)
def test_what_regsync_would_not_understand_is_refused(pattern: str, why: str) -> None:
    assert why in problem(pattern)


@pytest.mark.parametrize("pattern", ["a|b", "(a|b)|c", "(?i)a|b", "|", r"\||a", "a|[b]", "[]a]|b"])
def test_alternatives_outside_of_groups_are_seen(pattern: str) -> None:
    assert has_loose_alternatives(pattern)


@pytest.mark.parametrize(
    "pattern", ["", "(?:a|b)", "((a|b)c)", r"a\|b", "[a|b]", "[^]|]", "[[:alpha:]|]", r"\Qa|b\E", "(?P<n>a|b)+"]
)
def test_alternatives_in_groups_and_mere_characters_are_not(pattern: str) -> None:
    assert not has_loose_alternatives(pattern)
