"""Regular expressions for tags, which match the whole tag: only what Go, Python and Lua understand in the same way.

Go has no look-around, back-references or possessive quantifiers (https://github.com/google/re2/wiki/Syntax), and reads some of
what Python accepts, such as `a{,5}`, differently. So this is a list of what is allowed, not of what is forbidden.
"""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import AfterValidator

TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"

_SET = r"\[\^?-?(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9_.]|\\[dw.-])+-?\]"
_CHARACTER = rf"[A-Za-z0-9_.-]|\\[dw.-]|{_SET}"
_COUNT = r"\{(?P<least>[0-9]{1,2})(?P<open>,(?P<most>[0-9]{1,2})?)?\}"
_UNNAMED_COUNT = r"\{[0-9]{1,2}(?:,[0-9]{0,2})?\}"
PLAIN_ITEM = re.compile(rf"(?P<character>{_CHARACTER})(?:(?P<sign>[*+?])|{_COUNT})?")
_PLAIN = re.compile(rf"(?:(?:{_CHARACTER})(?:[*+?]|{_UNNAMED_COUNT})?|(?<=[^|])\|(?=[^|]))+")
_GROUPED = re.compile(
    rf"(?:(?:{_CHARACTER})(?:(?:[*+?]|{_UNNAMED_COUNT})\??)?|\((?:\?:)?|\)(?:(?:[*+?]|{_UNNAMED_COUNT})\??)?|[|^$])+"
)
_GO_REPEATS = 1000
_KNOWN = r"letters, digits, _ - . \. \d \w [sets], each of which may be followed by * + ? {n} {n,m}"


def _grouped(pattern: str) -> str:
    if not _GROUPED.fullmatch(pattern):
        raise ValueError(rf"should be a regular expression of {_KNOWN}, with (groups), | ^ and $")
    counts = [int(count) for count in re.findall(r"([0-9]+)\}", pattern)]
    if "){" in pattern and math.prod(counts) > _GO_REPEATS:  # the count of a group multiplies the counts inside it
        raise ValueError(f"repeats more than {_GO_REPEATS} times")
    return _compiles(pattern)


def _plain(pattern: str) -> str:
    if not _PLAIN.fullmatch(pattern):
        raise ValueError(rf"should be a regular expression of {_KNOWN}, or several of them separated by |, without groups")
    return _compiles(pattern)


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is not a valid regular expression: {error}") from None
    return pattern


TagPattern = Annotated[str, AfterValidator(_grouped)]
PlainTagPattern = Annotated[str, AfterValidator(_plain)]
