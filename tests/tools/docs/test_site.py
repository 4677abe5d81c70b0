"""The site as it is built: every page, nothing from elsewhere, no dead links, and a search that finds what readers ask."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from lunr import lunr  # type: ignore[import-untyped]

from infra.paths import PROJECT_FOLDER
from ops.core.process import CommandError, run
from tools.docs.external import external_links, malformed
from tools.docs.links import ROOT_PAGES

DOCS = PROJECT_FOLDER / "docs"
_LOADED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>")


def build(*options: str) -> None:
    """Build the site.

    Raises:
        CommandError: Something is wrong with it; the message has every warning.
    """
    command = [sys.executable, "-m", "mkdocs", "build", *options]
    run(command, timeout=300, cwd=PROJECT_FOLDER, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    done = run([sys.executable, "-m", "tools.docs", "--site", str(folder)], timeout=300, cwd=PROJECT_FOLDER)
    assert "links to other sites were not followed; where there is Internet, `make docs ARGS=--external` does" in done.stderr
    return folder


def test_it_has_every_page(site: Path) -> None:
    pages = {path.parent.relative_to(site).as_posix() for path in site.rglob("index.html")}
    written = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]
    wanted = {Path(page).with_suffix("").as_posix().replace("README", ".") for page in [*written, *ROOT_PAGES.values()]}
    assert len(wanted) > 60
    assert {str(Path(page)) for page in wanted} - {"index"} <= pages
    assert "source/infra/services.py" in pages


def test_no_page_asks_another_server_for_anything(site: Path) -> None:
    texts = {path.relative_to(site).as_posix(): path.read_text() for path in site.rglob("*.html")}
    assert {page: found for page, text in texts.items() if (found := _LOADED.findall(text))} == {}
    # For which the theme would fetch a program.
    assert [page for page, text in texts.items() if "mermaid" in text] == []


def test_every_link_to_another_site_is_well_formed(site: Path) -> None:
    """Where they lead is asked by `make docs ARGS=--external`."""
    links = external_links(site)
    assert len(links) > 20
    assert {url: why for url in links if (why := malformed(url))} == {}


def test_what_is_made_of_the_sources_is_there(site: Path) -> None:
    def text(page: str) -> str:
        return html.unescape(re.sub(r"<[^>]+>", "", (site / page / "index.html").read_text()))

    assert "operations.notify.channels.<name>.topic" in text("configuration")
    assert "regops catalogue add alpine --tags" in text("commands")
    assert "make docs" in text("commands")
    assert "ops/gateway/held_writes.py" in text("files")
    assert "replaced by 0019 and 0020" in text("adr")
    assert "Replaced by 0019 and 0020, 2026-11-25" in text("adr/0015-gc-in-two-phases")


def test_what_leads_nowhere_fails_the_build(tmp_path: Path) -> None:
    shutil.copytree(DOCS, tmp_path / "docs")
    page = tmp_path / "docs" / "day-2.md"
    page.write_text(page.read_text() + "\n[one](hetzner.md#nowhere) [two](nothing.md) [three](../infra/nothing.py)\n")
    settings = {"INHERIT": f"{PROJECT_FOLDER}/mkdocs.yml", "docs_dir": "docs", "site_dir": "site"}
    (tmp_path / "mkdocs.yml").write_text(json.dumps(settings | {"hooks": [f"{PROJECT_FOLDER}/tools/docs/hooks.py"]}))
    with pytest.raises(CommandError) as failed:
        build("--config-file", str(tmp_path / "mkdocs.yml"))
    assert all(link in str(failed.value) for link in ("hetzner.md#nowhere", "nothing.md", "../infra/nothing.py"))


@pytest.fixture(scope="module")
def search(site: Path) -> Any:
    """The index that browsers search, in the same program's Python form."""
    found = json.loads((site / "search" / "search_index.json").read_text())["docs"]
    plain = [
        {name: html.unescape(re.sub(r"<[^>]+>", "", text)) for name, text in one.items() if isinstance(text, str)}
        for one in found
    ]
    weighed = [(text, {"boost": one.get("boost", 1)}) for text, one in zip(plain, found, strict=True)]
    return lunr(ref="location", fields=[{"field_name": "title", "boost": 10}, "text"], documents=weighed)


# What readers ask for, the section that they want, and the folder in which it is done.
BEHAVIOURS = [
    ("read-only mode", "networks/#read-only-mode", "ops/registry"),
    ("garbage collection", "regops/#garbage-collection", "ops/tasks/gc"),
    ("restore a tag snapshot", "regops/#snapshots", "ops/tasks/snapshot"),
    ("recovery kit", "recovery/#the-kit", "ops/tasks/kit"),
    ("banned", "regops/#who-is-banned", "ops/tasks/bans"),
    ("error budget", "regops/#the-error-budget", "ops/tasks/budget"),
    ("default limits services", "services/", "infra"),
    ("volume", "hetzner/#data-on-a-volume", "infra/hetzner"),
    ("rotate secret", "rotation/", "infra/blocks"),
    ("webhook events", "architecture/#a-walk-of-one-push", "ops/events"),
    ("catalogue", "mirror/#the-catalogue", "ops/catalogue"),
    # As a stranger asked them.
    ("how long a ban lasts", "regops/#who-is-banned", "infra/blocks"),
    ("pushes during gc", "commands/#regops-gc", "ops/tasks/gc"),
    ("backup encrypted", "backups/", "ops/backups"),
    ("add an alert", "contributing/#add-an-alert", "stack_components/monitoring"),
    ("what is retried in sync", "mirror/#what-is-retried", "ops/tasks/sync"),
    ("docker upgrade", "server/", "infra/server"),
    ("time zone of timers", "schedule/", "infra/server"),
    ("what the kit contains", "recovery/#the-kit", "ops/tasks/kit"),
    ("which ports are open", "networks/#which-ports-are-open", "infra/hetzner"),
]


@pytest.mark.parametrize(("asked", "page", "folder"), BEHAVIOURS)
def test_a_reader_finds_where_a_behaviour_is_described_and_where_it_is_done(
    search: Any, asked: str, page: str, folder: str
) -> None:
    found = [one["ref"] for one in search.search(asked)]
    assert page in found[:5]
    assert f"files/#{folder.replace('/', '')}" in [one for one in found if one.startswith("files/")][:3]


@pytest.mark.parametrize(
    ("asked", "page"),
    [
        ("where the state lives", "team/#where-the-state-lives"),
        ("upgrade", "upgrading/"),
        ("silence an alert", "runbooks/#silencing"),
        ("accounts access", "configuration/#accounts"),
        ("accounts that may delete", "configuration/#accounts"),
        ("verify backups", "commands/#regops-verify"),
    ],
)
def test_a_reader_finds_the_page_about_a_question(search: Any, asked: str, page: str) -> None:
    assert page in [one["ref"] for one in search.search(asked)[:5]]
