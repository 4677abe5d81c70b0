"""The runbooks as tests read them: sections by page, and which alert tells that a service has stopped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from infra.paths import PROJECT_FOLDER
from stack_components.monitoring.rules import RUNBOOKS

FOLDER = PROJECT_FOLDER / RUNBOOKS
INDEX = FOLDER / "README.md"
_ROW = re.compile(r"^\| `([a-z0-9-]+)` \| (?:\[(\w+)\]|none).* \|$", re.MULTILINE)


def pages() -> list[Path]:
    """Return the pages with sections about alerts."""
    return sorted(path for path in FOLDER.glob("*.md") if path != INDEX)


def sections(page: Path) -> Mapping[str, str]:
    """Return the text of each section of a page by its heading."""
    found = re.split(r"^## (.+)$", page.read_text(), flags=re.MULTILINE)[1:]
    return dict(zip(found[::2], found[1::2], strict=True))


def told_by() -> Mapping[str, str]:
    """Return which alert tells that a service has stopped, by service; an empty one where none can."""
    return dict(_ROW.findall(INDEX.read_text()))
