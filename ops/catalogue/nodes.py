"""YAML text as a tree whose parts know their place in it, so that one part can be replaced and the rest stays as it is.

The tree is made of PyYAML's events, not by its composer: that one forgets where an alias stands, and takes the comments after a
block for a part of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import yaml

from ops.catalogue.errors import CatalogueError

Kind = Literal["scalar", "sequence", "mapping"]
MERGE = "<<"
BYTE_ORDER_MARK = "\ufeff"
# As YAML 1.2 has them, which regsync reads: https://yaml.org/spec/1.2.2/#1032-tag-resolution
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
# Ends of lines for PyYAML, and none for regsync.
# Far more than a catalogue of ten thousand entries has, even if each of them names a block of defaults. Without limits, ten lines
# of aliases of aliases would stand for more than any memory holds, and nesting would go deeper than Python's stack.
_MOST_BY_ALIASES = 250_000
_DEEPEST = 50
_ODD_END = re.compile("\x85|\u2028|\u2029|\r(?!\n)")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Plain(str):
    """A scalar that is written without quotes: perhaps a number or a truth value, which is up to its reader."""

    __slots__ = ()


@dataclass(slots=True, eq=False)
class Node:
    """A part of a text.

    Attributes:
        kind: What it is.
        start: Where it begins, with its anchor.
        end: Where it ends; comments after it are no part of it.
        line: The line that it begins in, from 1.
        column: The column that it begins in, from 0.
        text: What a scalar says.
        plain: Whether a scalar has no quotes.
        flow: Whether a collection is written in brackets.
        items: The members of a sequence.
        pairs: Keys and values of a mapping, in order; a key may be there twice.
        alias: Whether it only names another part, whose content it has.
        weight: How many parts it stands for, with itself.
        depth: How many parts are within each other there.
    """

    kind: Kind
    start: int
    end: int
    line: int
    column: int
    text: str = ""
    plain: bool = False
    flow: bool = False
    items: Sequence[Node] = ()
    pairs: Sequence[tuple[Node, Node]] = ()
    alias: bool = False
    weight: int = 1
    depth: int = 1

    def own(self, key: str) -> tuple[Node, Node] | None:
        """Return the pair of a mapping with a key, if the mapping itself has it. Of several it is the last, as for regsync."""
        return next((pair for pair in reversed(self.pairs) if pair[0].text == key), None)

    def value(self) -> Any:
        """Return the content: None, text (`Plain` where it has no quotes), lists, and dicts with what is merged into them."""
        match self.kind:
            case "sequence":
                return [item.value() for item in self.items]
            case "mapping":
                return self._mapping()
        return (None if self.text in _NULLS else Plain(self.text)) if self.plain else self.text

    def _mapping(self) -> dict[str, Any]:
        """As regsync reads it: keys in their order, so that what is merged in replaces what comes before it."""
        values: dict[str, Any] = {}
        for key, value in self.pairs:
            if key.text == MERGE and key.plain:
                for source in reversed(value.items if value.kind == "sequence" else [value]):
                    values.update(source.value() if source.kind == "mapping" else {})
            else:
                values[key.text] = value.value()
        return values


def parse(text: str) -> Node | None:
    """Return the tree of a YAML text; None for one without content.

    Raises:
        CatalogueError: It is not YAML, or not such as regsync reads: one document. The message begins with the line.
    """
    if odd := _ODD_END.search(text):
        line = text.count("\n", 0, odd.start()) + 1
        raise CatalogueError(f"{line}: has a character that only some programs take for the end of a line; write an ordinary one")
    composer = _Composer(text)
    try:
        composer.run()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line, text.rstrip().count("\n")) + 1 if mark else 1  # the end has lines of its own, for PyYAML
        told = f"{line}: is not YAML: {error.problem or error.context}"
    except yaml.YAMLError as error:
        told = f"1: is not YAML: {error}"
    else:
        return composer.roots[0] if composer.roots else None
    raise CatalogueError(told)


class _Composer:
    """Makes a tree of events.

    Attributes:
        roots: What is finished and in nothing else.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        # PyYAML skips a byte order mark, and only one of its parsers counts it.
        self._shift = int(text.startswith(BYTE_ORDER_MARK))
        self._open: list[tuple[Node, str | None, list[Node]]] = []
        self._anchors: dict[str, Node] = {}
        self._by_aliases = 0
        self.roots: list[Node] = []

    def run(self) -> None:
        for event in yaml.parse(self._text[self._shift :], Loader=_LOADER):
            match event:
                case yaml.ScalarEvent():
                    self._add(self._scalar(event), event.anchor)
                case yaml.AliasEvent():
                    self._add(self._alias(event), None)
                case yaml.CollectionStartEvent() if len(self._open) >= _DEEPEST:
                    raise _too_deep(event)
                case yaml.CollectionStartEvent():
                    node = self._node("mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence", event)
                    node.flow = bool(event.flow_style)
                    self._open.append((node, event.anchor, []))
                case yaml.CollectionEndEvent():
                    self._close(event)
                case yaml.DocumentStartEvent() if self.roots:
                    raise CatalogueError(f"{_line(event)}: begins a second document, which regsync does not read")

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        (self._open[-1][2] if self._open else self.roots).append(node)

    def _node(self, kind: Kind, event: Any) -> Node:
        start = event.start_mark
        return Node(kind, start.index + self._shift, event.end_mark.index + self._shift, _line(event), start.column)

    def _scalar(self, event: Any) -> Node:
        node = self._node("scalar", event)
        node.text, node.plain = event.value, not event.style
        if event.style in {"|", ">"}:
            node.end = len(self._text[: node.end].rstrip())  # for PyYAML, it ends where the next thing begins
        return node

    def _alias(self, event: Any) -> Node:
        if event.anchor not in self._anchors:
            raise CatalogueError(f"{_line(event)}: *{event.anchor} names an anchor that is not there")
        at = self._node("scalar", event)
        node = self._anchors[event.anchor]
        self._by_aliases += node.weight
        if self._by_aliases > _MOST_BY_ALIASES:
            raise CatalogueError(f"{_line(event)}: *{event.anchor} makes it too large; write less with aliases")
        return replace(node, start=at.start, end=at.end, line=at.line, column=at.column, alias=True)

    def _close(self, event: Any) -> None:
        node, anchor, children = self._open.pop()
        if node.kind == "mapping":
            node.pairs = list(zip(children[::2], children[1::2], strict=True))
        else:
            node.items = children
        node.weight += sum(child.weight for child in children)
        node.depth += max((child.depth for child in children), default=0)
        if node.depth > _DEEPEST:
            raise _too_deep(event)
        node.end = event.end_mark.index + self._shift if node.flow or not children else children[-1].end
        self._add(node, anchor)


def _too_deep(event: Any) -> CatalogueError:
    return CatalogueError(f"{_line(event)}: has more than {_DEEPEST} parts within each other")


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def line_of(node: Node, path: tuple[str | int, ...]) -> int:
    """Return the line of the part that a path of keys and numbers leads to, or of the last step that there is."""
    line = node.line
    for step in path:
        if isinstance(step, int):
            if not 0 <= step < len(node.items):
                break
            node = node.items[step]
            line = node.line
        else:
            pair = node.own(step)
            if pair is None:
                break
            line, node = pair[0].line, pair[1]
    return line
