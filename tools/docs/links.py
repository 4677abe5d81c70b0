"""Where files of the repository are on the site, and links between them as the site needs them.

Pages are written for readers of the repository: a link leads to a file. On the site some files of the root are pages, too, and
any other file that a page links to is shown as a page with its text.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from infra.paths import PROJECT_FOLDER

DOCS = "docs"
# Files of the root that are pages.
ROOT_PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
_SHOWN = "source"
# What browsers get as it is in docs/.
_SERVED = {".md", ".png", ".svg"}
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#|/)([^)#\s]+)(?=[)#])")
_LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".sh": "sh"}


def file_of(uri: str) -> str:
    """Return the file of the repository that a page of the site is made of."""
    pages = {page: file for file, page in ROOT_PAGES.items()}
    return pages.get(uri, f"{DOCS}/{uri}")


def page_of(file: str) -> str:
    """Return the page of the site that shows a file of the repository."""
    if file.startswith(f"{DOCS}/") and Path(file).suffix in _SERVED:
        return file.removeprefix(f"{DOCS}/")
    return ROOT_PAGES.get(file, f"{_SHOWN}/{file}.md")


def linked(markdown: str, file: str) -> Iterator[str]:
    """Yield the files of the repository that a file links to."""
    for target in _LINK.findall(markdown):
        if (found := _target(target, file)) is not None:
            yield found


def for_site(markdown: str, file: str) -> str:
    """Return the text of a file with links to pages. What leads nowhere stays, for the build to find."""
    start = posixpath.dirname(page_of(file))

    def translated(link: re.Match[str]) -> str:
        found = _target(link[1], file)
        return link[1] if found is None else posixpath.relpath(page_of(found), start or ".")

    return _LINK.sub(translated, markdown)


def shown(file: str) -> str:
    """Return a page with the text of a file of the repository."""
    path = PROJECT_FOLDER / file
    fence = f"````{_LANGUAGES.get(path.suffix, 'text')}"
    return f"---\nsearch: {{exclude: true}}\n---\n# `{file}`\n\n{fence}\n{path.read_text().rstrip()}\n````\n"


def _target(link: str, file: str) -> str | None:
    found = posixpath.normpath(posixpath.join(posixpath.dirname(file), link))
    if (PROJECT_FOLDER / found).is_dir():
        found = f"{found}/README.md"
    return found if Path(PROJECT_FOLDER / found).is_file() and not found.startswith("..") else None
