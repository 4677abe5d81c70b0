"""An operator's own browser at the console, without scripts: the buttons lead to the plan, and the plan to what is done."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from infra.paths import PROJECT_FOLDER
from ops.config import ACTION_REQUESTS, USER_HEADER, render, request_folder
from ops.core.files import write_atomic
from tests.browser import TELEPHONE, WIDE, browsing, go
from tests.free_ports import free_port
from tests.ops.console.console_rig import Furnished, console_config, furnished
from tests.ops.console.test_actions import ALL, ran, taken
from tests.ops.console.test_bans import ban
from tests.ops.console.test_in_a_browser import problems
from tests.ops.gateway.gateway_rig import wait_until_up

pytestmark = pytest.mark.system

ANN = {USER_HEADER: "ann@example.com"}


@pytest.fixture
def stack(tmp_path: Path) -> Furnished:
    made = furnished(tmp_path / "stack")
    for name in (ACTION_REQUESTS, "gc"):
        (made.root / request_folder(name)).mkdir(parents=True)
    made.tag("charts/web", "0.9.0", made.artifact("charts/web", "application/vnd.cncf.helm.chart", b"older", "web.tgz"))
    made.collect("charts/web", "0.9.0")
    made.snapshot()
    made.tag("library/alpine", "3.21", made.image("library/alpine", b"newer"))
    made.protect(ban("203.0.113.7"), ban("198.51.100.0/25"))
    return made


@contextmanager
def serving(stack: Furnished, folder: Path) -> Iterator[str]:
    """Run the console as its container does; give its address."""
    port = free_port()
    offers = {"offers": ("gc", "backup"), "actions": ALL, "operators": ("ann@example.com",)}
    config = console_config(stack.root, listen_host="127.0.0.1", listen_port=port, **offers)
    write_atomic(folder / "console.json", render(config))
    words = [sys.executable, "-m", "ops.console", "--config", str(folder / "console.json")]
    with subprocess.Popen(words, cwd=PROJECT_FOLDER, stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_up(f"{url}/console/healthz", process)
            yield url
        finally:
            process.terminate()


@pytest.fixture
def url(stack: Furnished, tmp_path: Path) -> Iterator[str]:
    with serving(stack, tmp_path) as address:
        yield address


def latest(stack: Furnished) -> str:
    """The name of the latest snapshot."""
    return max(path.name for path in (stack.root / "data/snapshots").iterdir() if path.name[0] != ".")


@contextmanager
def operator(width: int = WIDE, *, dark: bool = False, scripts: bool = False) -> Iterator[Page]:
    """The browser of an operator, who is signed on."""
    with browsing(width=width, dark=dark, scripts=scripts) as browser:
        browser.set_extra_http_headers(ANN)
        yield browser


@pytest.mark.parametrize(
    ("path", "button", "words", "doing"),
    [
        ("/images/team/app:v1", "Show what deleting it means", "delete team/app:v1 --expect", "Delete it"),
        ("/undo", "Undo", "snapshot restore", "Undo it"),
        ("/bans", "Unban: 203.0.113.7", "unban 203.0.113.7", "Unban"),
        ("/undo/{snapshot}", "Give back: library/alpine:3.21", "snapshot restore", "Give it back"),
    ],
)
def test_the_plan_is_shown_line_by_line_and_then_done(
    stack: Furnished, url: str, *, path: str, button: str, words: str, doing: str
) -> None:
    with operator() as browser:
        go(browser, url + path.format(snapshot=latest(stack)))
        browser.get_by_role("button", name=button).first.click()
        expect(browser.get_by_text("The host has been asked")).to_be_visible()
        planned = taken(stack)
        assert " ".join(planned.words()).startswith(words)
        ran(stack, planned, "this would be done")
        expect(browser.get_by_text("this would be done")).to_be_visible(timeout=20_000)  # the page looks again by itself
        browser.get_by_role("button", name=doing).click()
        expect(browser.get_by_text("The host has been asked")).to_be_visible()
        done = taken(stack)
        assert (done.what, done.dry_run, done.by) == (planned.what, False, "ann@example.com")
        ran(stack, done, "it is done")
        expect(browser.get_by_text("it is done")).to_be_visible(timeout=20_000)
        assert browser.get_by_role("button").count() == 0


def test_what_a_collection_deletes_is_seen_before_it_runs(stack: Furnished, url: str) -> None:
    with operator() as browser:
        go(browser, f"{url}/tasks")
        browser.get_by_role("button", name="Show what gc would delete").click()
        ran(stack, taken(stack), "to delete: 7 of 900 blobs")
        expect(browser.get_by_text("to delete: 7 of 900 blobs")).to_be_visible(timeout=20_000)
        browser.get_by_role("button", name="Run gc").click()
        expect(browser.get_by_text("asked for")).to_be_visible()
    assert (stack.root / request_folder("gc") / "asked").exists()


def test_a_page_of_another_site_asks_for_nothing(stack: Furnished, url: str, tmp_path: Path) -> None:
    """A browser with the operator's session, on a page that sends the form by itself, from another origin."""
    fields = '<input name="action" value="unban"><input name="network" value="203.0.113.7">'
    other = tmp_path / "evil.html"
    other.write_text(f'<form method="post" action="{url}/actions">{fields}<button>Free iPhone</button></form>')
    with operator() as browser:
        go(browser, other.as_uri())
        browser.get_by_role("button").click()
        expect(browser.get_by_text("This did not come from a page of the console")).to_be_visible()
    assert list((stack.root / request_folder(ACTION_REQUESTS)).iterdir()) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_the_buttons_and_read_the_lines(stack: Furnished, url: str, dark: bool) -> None:
    found = dict[tuple[str, int], list[str]]()
    pages = ["/images/team/app:v1", "/images/library/alpine:3.21", "/images/library/alpine", "/tasks", "/undo", "/bans"]
    with operator(dark=dark, scripts=True) as browser:
        go(browser, f"{url}/bans")
        browser.get_by_role("button", name="Unban").first.click()
        asked = browser.url.removeprefix(url)
        ran(stack, taken(stack), "a line", "long " * 200)
    for width in (WIDE, TELEPHONE):
        with operator(width, dark=dark, scripts=True) as browser:
            for path in [*pages, f"/undo/{latest(stack)}", asked, "/actions/20200101T000000-0000"]:
                go(browser, f"{url}{path}")
                found[path, width] = problems(browser)
    assert {place: those for place, those in found.items() if those} == {}
