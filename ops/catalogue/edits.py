"""Adds, changes and removes entries in the text of a catalogue: nothing but the entry changes, or the edit is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ops.catalogue.document import SYNC, Document, Item
from ops.catalogue.errors import CatalogueError, EditError
from ops.catalogue.nodes import Node
from ops.catalogue.patches import merged, patching
from ops.catalogue.splices import Splice, dash_of, into_brackets, line_start, lines_after, out_of_brackets, spliced, without_lines
from ops.catalogue.text import in_brackets, lines_of_list

_NEW_FILE = ("version: 1",)
# Where new lists begin, in a file that has none to go by.
_COLUMN = 2
_PROPERTY = re.compile(r"[&!][^\s,\[\]{}]+")


def with_entries(document: Document, entries: Sequence[Mapping[str, Any]]) -> Document:
    """Return a catalogue with new entries after its own.

    Raises:
        EditError: There is no place for them in this text.
    """
    if not entries:
        return document
    expected = [item.values for item in document.entries] + [dict(entry) for entry in entries]
    rest = document.rest if document.root and document.root.kind == "mapping" else {"version": "1"}
    return _verified(document, _additions(document, entries), expected, rest)


def without_entry(document: Document, item: Item) -> Document:
    """Return a catalogue without one of its entries. Comments above it stay: they may be about those below, too.

    Raises:
        EditError: Others need it, or it cannot be taken out alone.
    """
    sequence = _sequence_of(document)
    if sequence.flow:
        splices = [out_of_brackets([(one.start, one.end) for one in sequence.items], item.index)]
    else:
        dash = dash_of(document.ended, sequence, item.index)
        column = dash - line_start(document.ended, dash)
        splices = [without_lines(document.ended, dash, item.node.end, column)]
        anchor = _PROPERTY.match(document.ended, sequence.start)
        if anchor and len(sequence.items) == 1:  # regsync refuses an anchor of nothing
            splices.append(Splice(anchor.end(), anchor.end(), " []"))
    expected = [one.values for one in document.entries if one is not item]
    return _verified(document, splices, expected, document.rest)


def with_changes(document: Document, item: Item, patch: Mapping[str, Any]) -> Document:
    """Return a catalogue in which one entry has changed.

    Args:
        document: The catalogue.
        item: The entry.
        patch: What changes: keys with their new values, None for those that go (RFC 7396).

    Raises:
        EditError: It cannot be changed alone, as where its keys are those of another one.
    """
    if item.node.kind != "mapping" or item.node.alias:
        raise EditError(f"{document.place(item)}: is written elsewhere and only named here; edit the file by hand")
    changed = merged(item.values, patch)
    splices = patching(document.ended, item.node, patch, changed, document.newline)
    expected = [changed if one is item else one.values for one in document.entries]
    return _verified(document, splices, expected, document.rest)


def _sequence_of(document: Document) -> Node:
    if document.sync is None or document.sync[1].alias:
        raise EditError(f"{document.name}: its list of entries is written elsewhere and only named in sync; edit it by hand")
    return document.sync[1]


def _additions(document: Document, entries: Sequence[Mapping[str, Any]]) -> list[Splice]:
    text, newline, root = document.ended, document.newline, document.root
    if root is None or root.kind != "mapping":
        lines = [*_NEW_FILE, f"{SYNC}:", *lines_of_list(list(entries), _COLUMN)]
        return [lines_after(text, len(text), 0, lines, newline)]
    if root.flow:
        raise EditError(f"{document.place(root.line)}: all of it stands in brackets; write its keys in lines of their own first")
    if document.sync is None:
        lines = [f"{' ' * root.column}{SYNC}:", *lines_of_list(list(entries), root.column + _COLUMN)]
        return [lines_after(text, root.end, root.column, lines, newline)]
    key, sequence = document.sync
    if sequence.kind == "sequence" and not sequence.flow:
        _sequence_of(document)
        return [_after_the_last(document, sequence, entries)]
    if sequence.items or sequence.alias or "\n" in text[sequence.start : sequence.end]:
        return [into_brackets(_sequence_of(document), ", ".join(map(in_brackets, entries)))]
    # `sync: []` and `sync:`: the list begins in the next line.
    lines = lines_of_list(list(entries), key.column + _COLUMN)
    following = lines_after(text, sequence.end, key.column, lines, newline)
    begin = text.rfind("[", sequence.start, sequence.end)
    if begin < 0:
        begin = sequence.end if _PROPERTY.match(text, sequence.start) else sequence.start
    return [Splice(len(text[:begin].rstrip(" ")), sequence.end, ""), following]


def _after_the_last(document: Document, sequence: Node, entries: Sequence[Mapping[str, Any]]) -> Splice:
    """Return what puts entries below those that are there, in their form."""
    last = sequence.items[-1]
    dash = dash_of(document.ended, sequence, len(sequence.items) - 1)
    column = dash - line_start(document.ended, dash)
    like = next((one for one in reversed(sequence.items) if one.kind == "mapping" and not one.flow and not one.alias), None)
    within = like.pairs[0][0].column - column if like else _COLUMN
    return lines_after(
        document.ended, last.end, column, lines_of_list(list(entries), column, max(within, _COLUMN)), document.newline
    )


def _verified(document: Document, splices: list[Splice], expected: list[dict[str, Any]], rest: Mapping[str, Any]) -> Document:
    """Return the changed catalogue, if it says what it should.

    Raises:
        EditError: It does not.
    """
    text = spliced(document.ended, splices)
    if document.ended != document.text:
        text = text.removesuffix("\n").removesuffix("\r")
    by_hand = f"edit {document.name} by hand, and `regops catalogue check` it"
    try:
        new = Document(text, document.name)
    except CatalogueError as error:
        raise EditError(f"after this edit {error}; nothing was written: {by_hand}") from None
    if [item.values for item in new.entries] != expected or new.rest != rest:
        raise EditError(f"this edit would change more than this entry; nothing was written: {by_hand}")
    return new
