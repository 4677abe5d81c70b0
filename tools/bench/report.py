"""The page of figures: docs/performance.md, rendered from rows."""

from __future__ import annotations

import math
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from infra.paths import PROJECT_FOLDER

PAGE = PROJECT_FOLDER / "docs" / "performance.md"
# What an exponent may be by chance, for what grows in proportion.
_LINEAR = 1.1
_NONE = "-"


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


@dataclass(frozen=True)
class Compared:
    """One operation in several ways, measured in turns; seconds, and None where there is no such way.

    Attributes:
        what: The operation.
        ours: What it takes here.
        original: The way of the system that this one replaces.
        plain: That of plain tools.
        zot: That of zot, another registry.
        olareg: That of olareg, one more.
        limit: What the disk or the network takes for it at least.
        megabytes: How much is moved, if that says more than seconds.
        count: How many things are moved, likewise.
    """

    what: str
    ours: float
    original: float | None = None
    plain: float | None = None
    zot: float | None = None
    olareg: float | None = None
    limit: float | None = None
    megabytes: float = 0
    count: float = 0

    @property
    def cells(self) -> tuple[str, ...]:
        """What its row shows."""
        shown = _time(self.ours)
        if self.megabytes:
            shown = f"{self.megabytes / self.ours:.0f} MB/s"
        elif self.count:
            shown = f"{self.count / self.ours:.0f} a second"
        others = (self.original, self.plain, self.zot, self.olareg, self.limit)
        return (self.what, shown, *(_times(one, self.ours) for one in others))


@dataclass(frozen=True)
class Growth:
    """What one operation takes when one thing becomes ten times as much and all others stay.

    Attributes:
        what: The operation.
        of: What grows, and from what to what.
        small_s: Seconds before.
        large_s: Seconds then.
    """

    what: str
    of: str
    small_s: float
    large_s: float

    @property
    def exponent(self) -> float:
        """The power of the growth that it takes: 1 is in proportion, 0 is not at all."""
        return math.log10(self.large_s / self.small_s)

    @property
    def worse(self) -> bool:
        """Whether it grows more than in proportion."""
        return self.exponent > _LINEAR

    @property
    def cells(self) -> tuple[str, ...]:
        """What its row shows."""
        exponent = f"{self.exponent:.2f}"
        return (
            self.what,
            self.of,
            _time(self.small_s),
            _time(self.large_s),
            _times(self.large_s, self.small_s),
            f"**{exponent}**, see below" if self.worse else exponent,
        )


@dataclass(frozen=True)
class Table:
    """A section that is more than rows of figures.

    Attributes:
        heads: Of its columns.
        rows: Their cells.
        before: Sentences above it.
        below: Sentences below it.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    before: Sequence[str] = ()
    below: Sequence[str] = ()


def comparison(rows: Sequence[Compared], *, below: Sequence[str]) -> Table:
    """Return the table of operations.

    Args:
        rows: The operations.
        below: What is to be said of them.
    """
    heads = ("what", "ours", "the original way", "plain tools", "zot", "olareg", "the limit")
    before = ("How many times as long as ours each other way takes: above 1 ours is the faster one.",)
    return Table(heads, [row.cells for row in rows], before, below)


def curves(rows: Sequence[Growth], reasons: Mapping[tuple[str, str], str]) -> Table:
    """Return the table of growth; what grows more than in proportion is explained below it.

    Args:
        rows: The measurements.
        reasons: Why one does, by its operation and what grows.
    """
    before = (
        "One thing becomes ten times as much, all others stay. An exponent of 1 is growth in proportion; what is done once in",
        f"any case makes it smaller. Above {_LINEAR} there is a reason below the table.",
    )
    below = [
        f"{row.what}, {row.of}: {reasons.get((row.what, row.of.partition(',')[0]), 'nobody knows why yet.')}"
        for row in rows
        if row.worse
    ]
    heads = ("what", "what grows", "before", "then", "factor", "exponent")
    return Table(heads, [row.cells for row in rows], before, below or ["Nothing here grows more than in proportion."])


def render(sections: Sequence[tuple[str, Sequence[Row] | Table]], *, before: str = "", kept: Sequence[str] = ()) -> str:
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


def replace_section(page: str, title: str, rows: Sequence[Row] | Table) -> str:
    """Return a page with one section replaced, or added as the first one; all others stay."""
    text = _section(title, rows)
    if old := _section_of(page, title):
        return page.replace(old, text)
    head, mark, rest = page.partition("\n## ")
    return f"{head}\n{text}{mark}{rest}"


def _section(title: str, rows: Sequence[Row] | Table) -> str:
    if isinstance(rows, Table):
        table = rows
    else:
        table = Table(("what", "median", "goal", "detail"), [(row.what, row.shown, row.wanted, row.detail) for row in rows])
    lines = [f"## {title}", "", f"Measured on {_measured()}.", *table.before, ""]
    lines += [_line(table.heads), "|---" * len(table.heads) + "|", *map(_line, table.rows)]
    if table.below:
        lines += ["", *(f"- {one}" for one in table.below)]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _times(theirs: float | None, ours: float) -> str:
    return _NONE if theirs is None else _digits(theirs / ours)


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _digits(value: float) -> str:
    """Return a number with as many digits as say something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"  # noqa: PLR2004


def _section_of(page: str, title: str) -> str:
    """Return a section of a page, up to the empty line before the next one; empty when it is not there."""
    found = re.search(rf"(?ms)^## {re.escape(title)}\n.*?(?=\n^## |\Z)", page)
    return found[0] if found else ""


def _measured() -> str:
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{datetime.now(UTC):%Y-%m-%d} ({machine})"
