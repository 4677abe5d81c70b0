"""The page of figures: docs/performance.md, rendered from rows."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from infra.paths import PROJECT_FOLDER

PAGE = PROJECT_FOLDER / "docs" / "performance.md"


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        what: What was measured.
        detail: Its spread, or what it consists of.
        wanted: The goal, as text.
        value: The median; a count is an integer.
        unit: Of the value; empty for a ratio or a count.
    """

    what: str
    detail: str
    wanted: str
    value: float
    unit: str

    @property
    def shown(self) -> str:
        """The value with its unit."""
        digits = 0 if isinstance(self.value, int) or abs(self.value) >= 100 else 1 if self.unit else 2  # noqa: PLR2004
        return f"{self.value:.{digits}f}{' ' + self.unit if self.unit else ''}"


def render(sections: Sequence[tuple[str, Sequence[Row]]], *, before: str = "", kept: Sequence[str] = ()) -> str:
    """Return the page.

    Args:
        sections: Title and rows of each.
        before: The page as it was.
        kept: Titles of sections that are kept from it if they are not among `sections`.
    """
    lines = [
        "# Performance",
        "",
        f"Written by `make bench` on {_measured()}.",
        "Medians. The machine was shared: ratios of one run say more than seconds.",
        "The registry alone sends from the page cache without a copy, the edge copies twice and shares the cores with client and",
        "registry: on few cores a fast machine shows a lower ratio of pulls than a slow one.",
    ]
    old = [_section_of(before, title) for title in kept if title not in dict(sections)]
    texts = ["\n".join(lines) + "\n", *filter(None, old), *(_section(title, rows) for title, rows in sections)]
    return "\n".join(texts)


def replace_section(page: str, title: str, rows: Sequence[Row]) -> str:
    """Return a page with one section replaced, or added as the first one; all others stay."""
    text = _section(title, rows)
    if old := _section_of(page, title):
        return page.replace(old, text)
    head, mark, rest = page.partition("\n## ")
    return f"{head}\n{text}{mark}{rest}"


def _section(title: str, rows: Sequence[Row]) -> str:
    lines = [f"## {title}", "", f"Measured on {_measured()}.", "", "| what | median | goal | detail |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {row.what} | {row.shown} | {row.wanted} | {row.detail} |" for row in rows)]) + "\n"


def _section_of(page: str, title: str) -> str:
    """Return a section of a page, up to the empty line before the next one; empty when it is not there."""
    found = re.search(rf"(?ms)^## {re.escape(title)}\n.*?(?=\n^## |\Z)", page)
    return found[0] if found else ""


def _measured() -> str:
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{datetime.now(UTC):%Y-%m-%d} ({machine})"
