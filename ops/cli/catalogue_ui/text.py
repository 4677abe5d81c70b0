"""Text of catalogues and registries on the screen: as it is, never as markup, with what cannot be seen written out."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from rich.text import Text
from textual.content import Content

# Controls, which a terminal would obey; marks that turn the writing direction or have no width; what no font has.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
MUTED = "$foreground 60%"
_DIFF = {"@@": "$text-accent", "+": "$text-success", "-": "$text-error"}


def seen(text: str) -> str:
    """Return a text in which everything can be seen; line ends stay."""
    return text.translate({ord(one): _escaped(one) for one in set(text) if unicodedata.category(one) in _UNSEEN and one != "\n"})


def _escaped(character: str) -> str:
    return "    " if character == "\t" else character.encode("unicode_escape", "surrogatepass").decode()


def cell(text: object, style: str = "") -> Text:
    """Return a cell of a table, in one line."""
    return Text(seen(str(text)).replace("\n", " "), style, no_wrap=True, overflow="ellipsis")


def wrapped(value: str) -> Text:
    """Return a cell of a table, in as many lines as it takes."""
    return Text(seen(value))


def lines(*parts: tuple[str, str]) -> Content:
    """Return lines, each with its style."""
    return Content("\n").join(Content.styled(seen(text), style) for text, style in parts)


def of_diff(told: Sequence[str]) -> Content:
    """Return the lines of a diff in its colours, without those that name the file."""
    return lines(*((line, next((style for mark, style in _DIFF.items() if line.startswith(mark)), "")) for line in told[2:]))
