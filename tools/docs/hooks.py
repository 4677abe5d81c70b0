"""What MkDocs calls while it builds the site: it adds the pages that are made of sources, and leads links to pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
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


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put into the navigation what its patterns mean."""
    folder = Path(config.docs_dir)
    named = set(_named(config.nav))
    config.nav = [
        {
            title: [
                page
                for entry in entries
                for page in (
                    sorted({path.relative_to(folder).as_posix() for path in folder.glob(entry)} - named)
                    if "*" in entry
                    else [entry]
                )
            ]
        }
        for section in config.nav or []
        for title, entries in section.items()
    ]
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
    if decisions.is_one(uri):
        del page.meta["status"]  # the theme makes a class of it
        markdown = decisions.with_standing(markdown, uri)
    markdown = links.for_site(markdown, links.file_of(uri))
    return markdown + _APPENDED[uri]() if uri in _APPENDED else markdown


def _named(nav: Any) -> Iterator[str]:
    for section in nav:
        for entries in section.values():
            yield from (entry for entry in entries if "*" not in entry)
