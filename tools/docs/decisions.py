"""Decisions on the site: a table of all with status and date, which each page says in its head, and shows below its title."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from infra.paths import PROJECT_FOLDER
from tools.docs.text import table

INDEX = "adr/README.md"
_FOLDER = PROJECT_FOLDER / "docs" / "adr"
_PAGE = re.compile(r"\A---\n(?P<head>.*?)---\n+# (?P<number>[0-9]{4}) (?P<title>[^\n]+)\n", re.DOTALL)


class DecisionError(Exception):
    """A page of a decision does not begin as such a page does."""


@dataclass(frozen=True)
class Decision:
    """What the head of a page says.

    Attributes:
        number: Its number, of four digits.
        title: What was decided.
        status: `accepted`, or `replaced`, with the numbers of the later decisions.
        date: The day, as `2026-11-24`.
        file: Its name in docs/adr/.
    """

    number: str
    title: str
    status: str
    date: str
    file: str


def is_one(uri: str) -> bool:
    """Whether a page of the site is a decision."""
    return uri.startswith("adr/") and uri != INDEX


def decisions() -> list[Decision]:
    """Return all, the oldest first.

    Raises:
        DecisionError: One has no status, no date or another number than its file.
    """
    return [read(path) for path in sorted(_FOLDER.glob("[0-9]*.md"))]


def table_of_all() -> str:
    """Return the table of all decisions."""
    rows = [(f"[{one.number}]({one.file})", one.title, _shown(one), one.date) for one in decisions()]
    return "\n" + table(["", "decision", "status", "date"], rows) + "\n"


def with_standing(markdown: str, uri: str) -> str:
    """Return the text of a decision, without its head, with status and date below its title."""
    one = read(_FOLDER / uri.removeprefix("adr/"))
    title, _, rest = markdown.partition("\n")
    return f"{title}\n\n*{_shown(one).capitalize()}, {one.date}*\n{rest}"


def _shown(one: Decision) -> str:
    files = {path.name[:4]: path.name for path in _FOLDER.glob("[0-9]*.md")}
    return re.sub(r"[0-9]{4}", lambda number: f"[{number[0]}]({files[number[0]]})", one.status)


def read(path: Path) -> Decision:
    """Return the decision that a page is about.

    Raises:
        DecisionError: It has no status, no date or another number than its file.
    """
    page = _PAGE.match(path.read_text())
    head = yaml.safe_load(page["head"]) if page else None
    if not page or not isinstance(head, dict) or not {"status", "date"} <= head.keys() or page["number"] != path.name[:4]:
        raise DecisionError(
            f"docs/adr/{path.name}: begin it with `status` and `date` between two lines of ---, then `# {path.name[:4]} Title`"
        )
    return Decision(page["number"], page["title"], str(head["status"]), str(head["date"]), path.name)
