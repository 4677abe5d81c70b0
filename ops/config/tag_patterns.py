"""Regular expressions of mirrored tags, in regsync's own language, which is that of Go's `regexp`.

https://github.com/google/re2/wiki/Syntax. They are read here as Go reads them, so that a preview refuses what regsync would
stumble over: look-around, back-references, possessive quantifiers. Python reads some of it differently: `a{,5}` and
`[[:alpha:]]`, for two.
"""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import AfterValidator

_NAMED = "alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit"
_CLASS = r"\\[dDsSwW]|\\[pP](?:[A-Z]|\{\^?[A-Za-z_]+\})"
_CLASS_IN_SET = rf"{_CLASS}|\[:\^?(?:{_NAMED}):\]"
_ESCAPED = r"\\[aftnrv]|\\x[0-9A-Fa-f]{2}|\\x\{[0-9A-Fa-f]{1,6}\}|\\[1-7][0-7]{1,2}|\\0[0-7]{0,2}|\\[!-/:-@\[-`{-~]"
_MEMBER = rf"{_CLASS_IN_SET}|{_ESCAPED}|(?!\[:\^?[a-z]*:\])[^\\\]]"
_TOKEN = re.compile(
    rf"""
    (?P<quoted>\\Q(?:(?!\\E).)*\\E)
    | (?P<set>\[\^?\]?(?:{_MEMBER})*\])
    | (?P<open>\((?:\?(?:P?<[A-Za-z_][A-Za-z0-9_]*>|(?:[imsU]+(?:-[imsU]+)?|-[imsU]+)?:))?(?!\?))
    | (?P<flags>\(\?(?:[imsU]+(?:-[imsU]+)?|-[imsU]+)\))
    | (?P<close>\))
    | (?P<repeat>(?:[*+?]|\{{(?P<least>[0-9]+)(?P<upto>,(?P<most>[0-9]+)?)?\}})\??)
    | (?P<bound>[\^$]|\\[AbBz])
    | (?P<or>\|)
    | (?P<atom>{_CLASS}|{_ESCAPED}|[^\\\[()*+?|^$])
    """,
    re.VERBOSE | re.DOTALL,
)
_SET_MEMBER = re.compile(rf"(?P<class>{_CLASS_IN_SET})|(?P<escaped>{_ESCAPED})|(?P<plain>[^\\])", re.DOTALL)
_GO_REPEATS = 1000
# More digits are a number that no pattern may have, and perhaps one that Python does not read.
_GO_DIGITS = 9
# Go stops at a thousand, Python earlier. Nobody writes ten.
_MOST_GROUPS = 100
_NOT_GO = {
    "(?=": "look-ahead",
    "(?!": "look-ahead",
    "(?<=": "look-behind",
    "(?<!": "look-behind",
    "(?>": "an atomic group",
    "(?#": "a comment",
    "(?(": "a condition",
    "(?P=": "a back-reference",
}


def _readable_by_go(pattern: str) -> str:
    """Return a pattern that regsync understands.

    Raises:
        ValueError: It does not; the message names the place.
    """
    if not pattern:
        raise ValueError("is empty; leave it out to match all tags")
    shape: list[str] = []  # the same structure, of what Python and Go read alike
    place, counts, repeated, depth = 0, [1], False, 0
    while place < len(pattern):
        token = _TOKEN.match(pattern, place)
        if token is None or (token["repeat"] and repeated):
            raise ValueError(f"is not a regular expression that regsync understands: {_fault(pattern, place)}")
        shape.append(_shape(token))
        counts += _counts(token)
        repeated = bool(token["repeat"])
        depth += bool(token["open"]) - bool(token["close"])
        if depth > _MOST_GROUPS:
            raise ValueError(f"has more than {_MOST_GROUPS} groups within each other")
        place = token.end()
    if max(counts) > _GO_REPEATS or (")" in pattern and math.prod(counts) > _GO_REPEATS):  # a group's multiplies those inside it
        raise ValueError(f"repeats more than {_GO_REPEATS} times, which regsync refuses")
    try:
        re.compile("".join(shape))
    except re.error as error:
        raise ValueError(f"is not a valid regular expression: {error.msg}") from None
    return pattern


def has_loose_alternatives(pattern: str) -> bool:
    """Whether a pattern has alternatives outside of groups: regsync's ^ and $ then hold for the first and last one alone."""
    depth = 0
    for token in _TOKEN.finditer(pattern):
        depth += bool(token["open"]) - bool(token["close"])
        if token["or"] and not depth:
            return True
    return False


def _shape(token: re.Match[str]) -> str:
    match token.lastgroup:
        case "set":
            return _set(token["set"])
        case "open":
            return "(?:"
        case "flags" | "bound":
            return "(?:)"
        case "quoted" | "atom":
            return "a" if token.group() != r"\Q\E" else "(?:)"
    return token.group()


def _set(text: str) -> str:
    """Return a set of the same ranges, so that Python finds those that go backwards."""
    inner = text[1:-1].removeprefix("^")
    members = []
    for one in _SET_MEMBER.finditer(inner):
        if one["class"]:
            members.append(r"\w")
        else:
            members.append(one.group() if one.group() == "-" else re.escape(_character(one)))
    return f"[{''.join(members)}]"


def _character(one: re.Match[str]) -> str:
    if one["plain"]:
        return one["plain"]
    body = one["escaped"][1:]
    if body[0] == "x":
        return chr(min(int(body[1:].strip("{}"), 16), 0x10FFFF))
    if body.isdigit():
        return chr(int(body, 8))
    return dict(zip("aftnrv", "\a\f\t\n\r\v", strict=True)).get(body, body)


def _counts(token: re.Match[str]) -> list[int]:
    counts = [int(count) if len(count) <= _GO_DIGITS else _GO_REPEATS + 1 for count in (token["least"], token["most"]) if count]
    return [max(counts)] if counts and max(counts) > 1 else []


def _fault(pattern: str, place: int) -> str:
    rest = pattern[place:]
    what = next((name for start, name in _NOT_GO.items() if rest.startswith(start)), "")
    if not what and re.match(r"\\[1-9k]", rest):
        what = "a back-reference"
    if not what and place and rest[0] in "*+?{":
        what = "a repetition of a repetition"
    return f"{what} at {rest[:12]!r}" if what else f"it ends at {rest[:12]!r}"


TagPattern = Annotated[str, AfterValidator(_readable_by_go)]
