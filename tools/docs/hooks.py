"""What MkDocs calls while it builds the site: it adds the pages that are made of sources, and leads links to pages."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

from infra.paths import PROJECT_FOLDER
from tools.docs import commands, configuration, decisions, links, sources

# What pages of docs/ have on the site only.
_APPENDED = {
    "configuration.md": configuration.sections,
    "commands.md": commands.sections,
    "files.md": sources.sections,
    decisions.INDEX: decisions.table_of_all,
}
# They tell of the past, and who searches wants to know what is so today.
_PAST = {"changelog.md", decisions.INDEX, "performance.md"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put into the navigation what its patterns mean: the pages that it does not name."""
    folder = Path(config.docs_dir)
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*.md")} - set(_pages(config.nav))
    config.nav = [_filled(entry, written)[0] for entry in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/."""
    for file, uri in links.ROOT_PAGES.items():
        files.append(File.generated(config, uri, content=(PROJECT_FOLDER / file).read_text()))
    pages = files.documentation_pages()
    wanted = {target for page in pages for target in links.linked(page.content_string, links.file_of(page.src_uri))}
    for target in sorted(wanted):
        uri = links.page_of(target)
        if files.get_file_from_path(uri) is None:
            files.append(File.generated(config, uri, content=links.shown(target), inclusion=InclusionLevel.NOT_IN_NAV))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001  # MkDocs names them
    """Return the text as the site shows it."""
    uri = page.file.src_uri
    if page.file.inclusion is InclusionLevel.NOT_IN_NAV:
        return markdown  # the text of a file as it is
    if uri in _PAST or decisions.is_one(uri):
        page.meta["search"] = {"boost": 0.5}
    if decisions.is_one(uri):
        del page.meta["status"]  # the theme makes a class of it
        markdown = decisions.with_standing(markdown, uri)
    markdown = links.for_site(markdown, links.file_of(uri))
    return markdown + _APPENDED[uri]() if uri in _APPENDED else markdown


def _pages(entry: Any) -> Iterator[str]:
    """Yield the pages and patterns of a part of the navigation."""
    if isinstance(entry, str):
        yield entry
    for part in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ():
        yield from _pages(part)


def _filled(entry: Any, written: Collection[str]) -> list[Any]:
    """Return what an entry of the navigation stands for."""
    if isinstance(entry, dict):
        return [{title: [one for part in parts for one in _filled(part, written)] for title, parts in entry.items()}]
    if "*" not in entry:
        return [entry]
    return sorted(page for page in written if PurePosixPath(page).parent == PurePosixPath(entry).parent)
