"""Changes the keys of one entry where they stand: what JSON Merge Patch (RFC 7396) says, done to text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.catalogue.nodes import Node
from ops.catalogue.splices import (
    Splice,
    dash_of,
    into_brackets,
    line_start,
    lines_after,
    out_of_brackets,
    stands_first,
    without_lines,
)
from ops.catalogue.text import in_brackets, is_misread, lines_of_list, lines_of_mapping, scalar


def merged(values: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with changes. What has nothing left in it goes, too."""
    changed = dict(values)
    for key, value in patch.items():
        new = value
        if isinstance(value, Mapping):
            old = changed.get(key)
            new = merged(old if isinstance(old, Mapping) else {}, value)
        if new is None or new == {}:
            changed.pop(key, None)
        else:
            changed[key] = new
    return changed


def patching(text: str, mapping: Node, patch: Mapping[str, Any], changed: Mapping[str, Any], newline: str) -> list[Splice]:
    """Return what makes a mapping in a text say something else.

    Args:
        text: The text.
        mapping: Where the mapping stands.
        patch: Which of its keys change.
        changed: All that it says afterwards, as `merged` returns it.
        newline: How lines end.
    """
    splices: list[Splice] = []
    new: dict[str, Any] = {}
    for key, value in patch.items():
        pair = mapping.own(key)
        if pair is None:
            if key in changed:
                new[key] = changed[key]
        elif key not in changed:
            splices.append(_removal(text, mapping, pair))
        elif isinstance(value, Mapping) and pair[1].kind == "mapping" and not pair[1].alias:
            splices += patching(text, pair[1], value, changed[key], newline)
        else:
            splices += _replacement(text, mapping, pair, changed[key], newline)
    gone = [key for key in patch if key not in changed and mapping.own(key)]
    if mapping.flow and len(gone) + bool(new) > 1:  # they share commas
        return [Splice(text.index("{", mapping.start), mapping.end, in_brackets(changed))]
    if new:
        splices.append(_addition(text, mapping, new, newline))
    return splices


def _addition(text: str, mapping: Node, new: Mapping[str, Any], newline: str) -> Splice:
    if mapping.flow:
        return into_brackets(mapping, in_brackets(new)[1:-1])
    column = mapping.pairs[0][0].column
    return lines_after(text, mapping.end, column, lines_of_mapping(new, column), newline)


def _removal(text: str, mapping: Node, pair: tuple[Node, Node]) -> Splice:
    key, value = pair
    index = mapping.pairs.index(pair)
    if mapping.flow:
        return out_of_brackets([(one.start, other.end) for one, other in mapping.pairs], index)
    if not stands_first(text, key.start) and index + 1 < len(mapping.pairs):  # after the dash of its entry
        return Splice(key.start, mapping.pairs[index + 1][0].start, "")
    return without_lines(text, key.start, value.end, key.column)


def _replacement(text: str, mapping: Node, pair: tuple[Node, Node], new: Any, newline: str) -> list[Splice]:
    key, value = pair
    if mapping.flow or value.flow:
        return [Splice(value.start, value.end, in_brackets(new))]
    if value.kind == "sequence" and not value.alias and isinstance(new, list):
        listed = _list_replacement(text, value, new, newline)
        if listed is not None:
            return listed
    if isinstance(new, str) and value.kind == "scalar":
        gap = "" if text[value.start - 1] in " \n" else " "
        return [Splice(value.start, value.end, gap + scalar(new))]
    lines = newline.join(lines_of_mapping({key.text: new}, key.column))
    return [Splice(key.start, value.end, lines[key.column :])]


def _list_replacement(text: str, sequence: Node, new: list[Any], newline: str) -> list[Splice] | None:
    """Return what changes single items of a list; None where nothing of it stays, or not in its order.

    What regsync misreads does not stay, so that somebody who gives it again gets it with quotes.
    """
    items = [
        (number, item)
        for number, item in enumerate(sequence.items)
        if item.value() in new and not (item.plain and is_misread(item.text))
    ]
    kept = [item.value() for _, item in items]
    if not kept or kept != new[: len(kept)]:
        return None
    dash = dash_of(text, sequence, 0)
    column = dash - line_start(text, dash)
    gone = set(range(len(sequence.items))) - {number for number, _ in items}
    splices = [
        without_lines(text, dash_of(text, sequence, number), sequence.items[number].end, column) for number in sorted(gone)
    ]
    if added := new[len(kept) :]:
        splices.append(lines_after(text, sequence.end, column, lines_of_list(added, column), newline))
    return splices
