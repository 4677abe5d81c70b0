"""Prints tables, in a file of its own: what it imports takes a moment that other verbs need not wait for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

_WIDTH_OF_FILES = 200


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a result for people: as wide as the terminal, or wide enough when it goes to a file or a program."""
    table = Table(*columns, box=None, pad_edge=False, padding=(0, 2))
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_FILES
    console.print(table)
