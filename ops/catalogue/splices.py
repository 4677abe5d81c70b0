"""Changes of a text at places in it: lines put in or taken out, and what stands in brackets; all else stays byte for byte.

Here every line has an end, the last one too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ops.catalogue.errors import EditError
from ops.catalogue.nodes import Node

# From the end of one item to the dash of the next: comments, and in front of the first one perhaps an anchor of the list.
_TO_DASH = re.compile(r"(?:\s|#[^\n]*|[&!][^\s,\[\]{}]+)*-(?=\s|\Z)")


@dataclass(frozen=True)
class Splice:
    """What stands between two places, and what shall stand there."""

    start: int
    end: int
    text: str


def spliced(text: str, splices: Sequence[Splice]) -> str:
    """Return a text with changes: of those that begin at one place, what is put in comes first, in its order.

    Raises:
        EditError: They overlap.
    """
    parts: list[str] = []
    place = 0
    for one in sorted(splices, key=lambda splice: (splice.start, splice.end)):
        if one.start < place:
            raise EditError("these changes are too close to each other to make them at once; make them one by one")
        parts += [text[place : one.start], one.text]
        place = one.end
    return "".join([*parts, text[place:]])


def line_start(text: str, place: int) -> int:
    """Return where the line of a place begins."""
    return text.rfind("\n", 0, place) + 1


def _line_end(text: str, place: int) -> int:
    """Return where the line after that of a place begins."""
    return text.find("\n", place) + 1 or len(text)


def stands_first(text: str, place: int) -> bool:
    """Whether only spaces stand before a place in its line."""
    return not text[line_start(text, place) : place].strip(" ")


def _end_with_comments(text: str, end: int, column: int) -> int:
    """Return where the lines of something end: comments right below it are its own, if they stand deeper than its column."""
    place = _line_end(text, end)
    while comment := re.compile(rf" {{{column + 1},}}#[^\n]*(?:\n|\Z)").match(text, place):
        place = comment.end()
    return place


def lines_after(text: str, end: int, column: int, lines: Sequence[str], newline: str) -> Splice:
    """Return what puts lines after something that ends at a place, and whose lines begin in a column."""
    place = _end_with_comments(text, end, column)
    return Splice(place, place, "".join(line + newline for line in lines))


def without_lines(text: str, start: int, end: int, column: int) -> Splice:
    """Return what takes out the lines from that of one place to that of another.

    Raises:
        EditError: Something else stands in the first line.
    """
    if not stands_first(text, start):
        raise EditError("shares its line with something else; edit the file by hand")
    return Splice(line_start(text, start), _end_with_comments(text, end, column), "")


def dash_of(text: str, sequence: Node, index: int) -> int:
    """Return where the dash of an item of a list stands.

    Raises:
        EditError: It is not there.
    """
    found = _TO_DASH.match(text, sequence.items[index - 1].end if index else sequence.start)
    if found is None:
        raise EditError(f"cannot find the dash of the item in line {sequence.items[index].line}; edit the file by hand")
    return found.end() - 1


def into_brackets(collection: Node, told: str) -> Splice:
    """Return what puts something at the end of a collection in brackets."""
    members = collection.items or [value for _, value in collection.pairs]
    place = members[-1].end if members else collection.end - 1
    return Splice(place, place, f", {told}" if members else told)


def out_of_brackets(members: Sequence[tuple[int, int]], index: int) -> Splice:
    """Return what takes a member out of a collection in brackets, with its comma.

    Args:
        members: Where each begins and ends.
        index: Which one it is.
    """
    start, end = members[index]
    if index + 1 < len(members):
        return Splice(start, members[index + 1][0], "")
    return Splice(members[index - 1][1] if index else start, end, "")
