"""How wide the columns of a list of entries are: as many of them as there is room for, without scrolling sideways."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.widgets import DataTable

from ops.catalogue.document import Item
from ops.cli.catalogue_output import policies_of, tags_of
from ops.cli.catalogue_ui import text

# What there is beside the content: a space on each side of each column, and the bar that scrolls.
_AROUND, _BAR = 2, 2
_ROOM_FOR_ALL = 60
_SIGN = 1
_SHARES = (0.5, 0.3)


def begin(table: DataTable[Any], width: int) -> bool:
    """Empty a table, and give it its columns.

    Args:
        table: The table.
        width: How many columns of the terminal it has.

    Returns:
        Whether there is room for more than the sign and the source.
    """
    table.clear(columns=True)
    room = width - _BAR - _SIGN - 2 * _AROUND
    if room < _ROOM_FOR_ALL:
        _add(table, (("", _SIGN), ("SOURCE", max(room, 1))))
        return False
    room -= 2 * _AROUND
    source, tags = (int(room * share) for share in _SHARES)
    _add(table, (("", _SIGN), ("SOURCE", source), ("TAGS", tags), ("POLICIES", room - source - tags)))
    return True


def add(table: DataTable[Any], item: Item, sign: tuple[str, str], *, every: bool) -> None:
    """Add an entry to a table.

    Args:
        table: The table.
        item: The entry.
        sign: What stands before it, and its colour.
        every: What `begin` has returned.
    """
    first = (text.cell(*sign), text.cell(item.text("source") or "(no entry)"))
    table.add_row(*first, *((text.cell(tags_of(item), "dim"), text.cell(policies_of(item), "dim")) if every else ()))


def _add(table: DataTable[Any], columns: Iterable[tuple[str, int]]) -> None:
    for label, width in columns:
        table.add_column(label, width=width)
