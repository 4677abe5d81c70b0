"""The page of figures: docs/performance.md, rendered from rows."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra.paths import PROJECT_FOLDER

PAGE = PROJECT_FOLDER / "docs" / "performance.md"


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        what: What was measured.
        detail: How it spread, or what it is made of.
        wanted: The goal, as text.
        value: The median.
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
        digits = 0 if abs(self.value) >= 100 else 1 if self.unit else 2  # noqa: PLR2004
        return f"{self.value:.{digits}f}{' ' + self.unit if self.unit else ''}"


def render(sections: Sequence[tuple[str, Sequence[Row]]]) -> str:
    """Return the page."""
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    lines = [
        "# Performance",
        "",
        f"Written by `make bench` on {when} ({machine}).",
        "Medians. The machine was shared: ratios of one run say more than seconds.",
        "The registry alone sends from the page cache without a copy, the edge copies twice and shares the cores with client and",
        "registry: on few cores a fast machine shows a lower ratio of pulls than a slow one.",
    ]
    for title, rows in sections:
        lines += ["", f"## {title}", "", "| what | median | goal | detail |", "|---|---|---|---|"]
        lines += [f"| {row.what} | {row.shown} | {row.wanted} | {row.detail} |" for row in rows]
    return "\n".join(lines) + "\n"


def write(sections: Sequence[tuple[str, Sequence[Row]]]) -> Path:
    """Write the page and return its path."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(render(sections))
    return PAGE
