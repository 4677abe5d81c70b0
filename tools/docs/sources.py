"""The page about files: what each says of itself in its first line, by folder."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from infra.paths import PROJECT_FOLDER
from tools.docs.text import prose, table

_FOLDERS = ("stack_components", "infra", "ops", "tools")


def sections() -> str:
    """Return a section for each folder with what its files say."""
    below = (
        path
        for name in _FOLDERS
        for path in sorted((PROJECT_FOLDER / name).rglob("*.py"), key=lambda path: (_folder(path), path))
    )
    folders = groupby([PROJECT_FOLDER / "__main__.py", *below], key=_folder)
    return "\n\n".join(["", *(_section(folder, files) for folder, files in folders)]) + "\n"


def _folder(path: Path) -> str:
    return path.parent.relative_to(PROJECT_FOLDER).as_posix()


def _section(folder: str, files: Iterable[Path]) -> str:
    rows = [(f"`{path.relative_to(PROJECT_FOLDER)}`", prose(_first_line(path))) for path in files]
    title = "The program" if folder == "." else f"`{folder}/`"
    return f"## {title}\n\n{table(['file', 'what lives there'], rows)}"


def _first_line(path: Path) -> str:
    with path.open() as text:
        return text.readline().strip().strip('"')
