"""The pages in a real browser: everybody can use them (axe finds nothing), also on a telephone, light and dark."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser import TELEPHONE, WIDE, browsing, go
from tests.loopback_server import Answer, serving
from tests.ops.console.console_rig import HOSTILE, console, furnished
from tests.ops.console.test_bans import ban
from tests.ops.console.test_past import drilled
from tests.ops.stack.test_access_log import line

pytestmark = pytest.mark.system

AXE = (resources.files("axe_core_python") / "axe.min.js").read_text()
# The innermost elements that reach out of the window, as far as it has to be moved to see them.
_STICKING_OUT = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const out = (one) => one.getBoundingClientRect().right > width;
  const all = [...document.body.querySelectorAll("*")].filter((one) => out(one) && ![...one.children].some(out));
  return all.length ? all.map((one) => one.outerHTML.slice(0, 300)) : ["no element"];
}"""
TAG = "/images/team/app:v1"
PAGES = (
    "/",
    "/images",
    "/images?q=nothing",
    "/images/library/alpine",
    "/images/library/alpine:latest",
    TAG,
    "/images/team/gone:v9",
    "/images/charts/web:1.0.0",
    "/changes?days=30",
    "/changes?since=3d&until=nonsense",
    "/changes/at?time=5d",
    "/mirror",
    "/backups",
    "/undo",
    "/tasks",
    "/bans",
    "/clients",
    "/nothing",
)


def problems(browser: Page) -> list[str]:
    """Return what keeps people from using the page that a browser shows."""
    if not browser.evaluate("[...document.querySelectorAll('link[rel=stylesheet]')].every((one) => one.sheet?.cssRules.length)"):
        return ["it is shown without its style"]
    browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    browser.evaluate(AXE)
    judged = browser.evaluate("axe.run()")
    assert len(judged["passes"]) > 10
    found = [f"{one['id']}: {node['html']}" for one in judged["violations"] for node in one["nodes"]]
    return [*found, *(f"it is wider than the window: {one}" for one in browser.evaluate(_STICKING_OUT))]


def test_what_keeps_people_from_using_a_page_is_found() -> None:
    with browsing(width=TELEPHONE) as browser:
        browser.set_content(
            f'<!doctype html><main><h1>Wide</h1><img src="x"><p style="width: {WIDE}px">Wide</p>' + "<h2>More</h2>" * 12
        )
        found = problems(browser)
        browser.set_content('<!doctype html><link rel="stylesheet" href="data:text/plain,none"><p>Bare</p>')
        assert problems(browser) == ["it is shown without its style"]
    assert any(one.startswith('it is wider than the window: <p style="') for one in found)
    assert any(one.startswith("image-alt: ") for one in found)


def test_nothing_is_wider_than_a_telephone_however_long_a_word_is() -> None:
    style = (resources.files("ops.console") / "static/style.css").read_text()
    word = "0123456789abcdef" * 6
    number = f'<table><tr><td class="number">{"1,234 MB of its own, and " * 4}</td></tr></table>'
    choice = f"<select><option>{word}</option></select>"
    with browsing(width=TELEPHONE) as browser:
        browser.set_content(
            f'<!doctype html><style>{style}</style><section class="verdict"><p>{word}</p></section><p>{word}</p>{number}{choice}'
        )
        assert browser.evaluate(_STICKING_OUT) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_every_page(tmp_path: Path, dark: bool) -> None:
    stack = furnished(tmp_path)
    stack.tag("charts/web", "0.9.0", stack.artifact("charts/web", "application/vnd.cncf.helm.chart", b"older", "web.tgz"))
    stack.backed_up()
    stack.ran("backup", minutes_ago=2000, summary="3 tags")
    stack.ran("backup", minutes_ago=20, summary="4 tags")
    drilled(stack)
    stack.protect(ban("203.0.113.7", HOSTILE), ban("198.51.100.0/25"), community=15_000)
    stack.collect("charts/web", "0.9.0")
    snapshot = stack.snapshot().name
    stack.tag("library/alpine", "3.21", stack.image("library/alpine", b"newer"))
    stack.requested(
        line("GET", "/v2/library/alpine/manifests/3.22", size=500), line("GET", "/v2/team/app/manifests/v1", size=500)
    )
    pages = console(stack.root, own_authority=True, links={"Grafana": "/grafana/"})

    def answer(_: str, path: str, __: Mapping[str, str]) -> Answer:
        asked = pages.get(path)
        headers = {name: value for name, value in asked.headers.items() if name != "content-length"}
        return asked.status_code, headers, asked.content

    found = dict[tuple[str, int], list[str]]()
    for width in (WIDE, TELEPHONE):
        with serving(answer) as port, browsing(width=width, dark=dark) as browser:
            for path in (*PAGES, f"/undo/{snapshot}"):
                go(browser, f"http://127.0.0.1:{port}{path}")
                found[path, width] = problems(browser)
    assert {place: those for place, those in found.items() if those} == {}
