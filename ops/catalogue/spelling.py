"""How an entry is spelled: where regsync reads YAML otherwise than most readers do.

Seen with regsync 0.11.6, which reads it by https://github.com/goccy/go-yaml 1.19.2.
"""

from __future__ import annotations

from collections.abc import Iterator

from ops.catalogue.document import Item
from ops.catalogue.model import Problem
from ops.catalogue.nodes import MERGE, Node
from ops.catalogue.text import is_misread

# What may be a number or a truth value, and what is not for regsync.
_NO_TEXT = ("ratelimit", "x-")


def of_spelling(item: Item) -> Iterator[Problem]:
    """Yield what regsync reads otherwise than it seems."""
    for mapping in _mappings(item.node):
        yield from _of_keys(item, mapping)
    for scalar in _texts(item.node):
        if scalar.plain and is_misread(scalar.text):
            yield _unquoted(item, scalar, "is no text: regsync reads 3.20 as 3.2, 010 as 8, True as true")
    for scalar in _listed_in_brackets(item.node):
        if scalar.plain and ":" in scalar.text:
            yield _unquoted(item, scalar, "in a list in brackets: regsync takes the colon for the end of a key")


def _of_keys(item: Item, mapping: Node) -> Iterator[Problem]:
    seen, where = set[str](), (item.index,)
    for key, value in mapping.pairs:
        if key.text == MERGE:
            if value.kind == "sequence":
                what = "<< with a list, which regsync refuses, and the whole file with it"
                yield Problem(key.line, what, "write << with one name", where)
            for name in sorted(seen & set(value.value() or {}) if value.kind == "mapping" else ()):
                what = f"{name} is replaced by what << brings, as that comes after it"
                yield Problem(key.line, what, f"write << before {name}", where)
        elif key.text in seen:
            yield Problem(key.line, f"{key.text} is there twice; regsync reads the last", "remove one", where, severe=False)
        seen.add(key.text)


def _unquoted(item: Item, scalar: Node, why: str) -> Problem:
    return Problem(scalar.line, f"{scalar.text} without quotes {why}", f"write '{scalar.text}'", (item.index,))


def _mappings(node: Node) -> Iterator[Node]:
    if node.kind == "mapping":
        yield node
    for inner in (*node.items, *(value for _, value in node.pairs)):
        if inner.kind != "scalar":
            yield from _mappings(inner)


def _texts(node: Node) -> Iterator[Node]:
    """Yield the scalars that are text for regsync."""
    if node.kind == "scalar":
        yield node
    for item in node.items:
        yield from _texts(item)
    for key, value in node.pairs:
        if not key.text.startswith(_NO_TEXT):
            yield from _texts(value)


def _listed_in_brackets(node: Node) -> Iterator[Node]:
    for item in node.items:
        if node.flow and item.kind == "scalar":
            yield item
        yield from _listed_in_brackets(item)
    for _, value in node.pairs:
        yield from _listed_in_brackets(value)
