"""Finds entries by what people call them: a source, a target, a part of one, or a line."""

from __future__ import annotations

import re
from collections.abc import Callable

from ops.catalogue.document import Document, Item
from ops.catalogue.errors import CatalogueError
from ops.catalogue.names import name_of

_LINE = re.compile(r"(?:.*\.ya?ml)?:(\d+)")
_SHOWN = 8


def matching(document: Document, text: str) -> list[Item]:
    """Return the entries whose source or target contains a text, in upper or lower case."""
    wanted = text.lower()
    return [item for item in document.entries if any(wanted in item.text(key).lower() for key in ("source", "target"))]


def chosen(document: Document, text: str) -> Item:
    """Return the entry that somebody means.

    Args:
        document: The catalogue.
        text: Its source or target, also as a short name; a part of one that no other entry has; or a line, as in `:14`.

    Raises:
        CatalogueError: There is none, or there are several; the message lists them.
    """
    if line := _LINE.fullmatch(text):
        number = int(line[1])
        found = [item for item in document.entries if item.line <= number][-1:]
    else:
        found = _by_name(document, text)
    if len(found) == 1:
        return found[0]
    if not found:
        raise CatalogueError(f"no entry of {document.name} matches {text!r}; `regops catalogue list` shows all of them")
    lines = [f"  :{item.line:<5} {item.text('source')} -> {item.text('target')}" for item in found[:_SHOWN]]
    more = [f"  and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    raise CatalogueError(
        "\n".join(
            [f"{text} matches {len(found)} entries; write more of its name, or its line (:{found[0].line}):", *lines, *more]
        )
    )


def _by_name(document: Document, text: str) -> list[Item]:
    full = _full(text)
    tests: tuple[Callable[[str], bool], ...] = (lambda name: name == text, lambda name: _full(name) == full)
    for test in tests:
        for keys in (("source",), ("target",)):
            if found := [item for item in document.entries if any(test(item.text(key)) for key in keys)]:
                return found
    return matching(document, text)


def _full(text: str) -> str:
    try:
        return str(name_of(text))
    except ValueError:
        return text
