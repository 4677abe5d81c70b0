"""The text of a catalogue, and where its entries stand in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Any

from ops.catalogue.errors import CatalogueError
from ops.catalogue.nodes import Node, line_of, parse
from ops.core.layout import CATALOGUE_FILE

SYNC = "sync"


@dataclass(frozen=True, eq=False)
class Item:
    """An entry of a catalogue, as it is written.

    Attributes:
        index: Its place among the entries, from 0.
        node: Where it stands.
        values: What it says: text, lists and dicts, with what is merged into it; empty if it is no mapping.
    """

    index: int
    node: Node
    values: dict[str, Any]

    @property
    def line(self) -> int:
        """The line in which it begins."""
        return self.node.line

    def line_of(self, *path: str | int) -> int:
        """Return the line of one of its keys; that of the entry if the key is not there."""
        return line_of(self.node, path)

    def text(self, key: str) -> str:
        """Return what one of its keys says; empty if that is no text."""
        value = self.values.get(key)
        return str(value) if isinstance(value, str) else ""


class Document:
    """The text of a catalogue, parsed.

    Attributes:
        text: The text.
        name: What its file is called, for messages.
        root: The whole of it; None if it has no content.
        entries: Its entries, in order.
    """

    def __init__(self, text: str, name: str = CATALOGUE_FILE) -> None:
        """Parse a text.

        Raises:
            CatalogueError: It cannot be read; the message has the file's name and the line.
        """
        self.text = text
        self.name = name
        try:
            self.root = parse(text)
            self._sync = self._found()
        except CatalogueError as error:
            raise CatalogueError(f"{name}:{error}") from None
        items = self._sync[1].items if self._sync else []
        self.entries = tuple(
            Item(number, node, node.value() if node.kind == "mapping" else {}) for number, node in enumerate(items)
        )

    @classmethod
    def of(cls, content: bytes, path: PurePath) -> Document:
        """Parse the content of a file.

        Raises:
            CatalogueError: It cannot be read.
        """
        try:
            return cls(content.decode(), path.name)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
        raise CatalogueError(f"{path.name}:{line}: is not UTF-8 text; save it as UTF-8")

    @property
    def sync(self) -> tuple[Node, Node] | None:
        """The key `sync` with its list; None without one."""
        return self._sync

    @cached_property
    def rest(self) -> dict[str, Any]:
        """All that it says beside its entries."""
        said = self.root.value() if self.root and self.root.kind == "mapping" else {}
        return {key: value for key, value in said.items() if key != SYNC}

    @property
    def newline(self) -> str:
        """How its lines end: as the first one does."""
        first = self.text.find("\n")
        return "\r\n" if first > 0 and self.text[first - 1] == "\r" else "\n"

    @cached_property
    def ended(self) -> str:
        """The text, with an end for its last line, if that has none."""
        return self.text if not self.text or self.text.endswith("\n") else self.text + self.newline

    def lines_of(self, item: Item) -> str:
        """Return an entry as it is written, with whole lines."""
        start = self.text.rfind("\n", 0, item.node.start) + 1
        end = self.text.find("\n", item.node.end)
        return self.text[start : end if end >= 0 else len(self.text)]

    def place(self, item: Item | int) -> str:
        """Return where an entry stands, or a line: `catalogue.yml:14`."""
        return f"{self.name}:{item if isinstance(item, int) else item.line}"

    def _found(self) -> tuple[Node, Node] | None:
        if self.root is None or (self.root.kind == "scalar" and self.root.value() is None):
            return None
        if self.root.kind != "mapping":
            raise CatalogueError(f"{self.root.line}: should be keys with values, such as version: 1 and sync: []")
        pair = self.root.own(SYNC)
        if pair is None:
            return None
        key, value = pair
        if value.kind != "sequence" and not (value.kind == "scalar" and value.value() is None):
            raise CatalogueError(f"{key.line}: sync should be a list of entries, each with source, target and type")
        return pair
