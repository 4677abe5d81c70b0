"""The pages in a real browser: everybody can use them (axe finds nothing), also on a telephone, light and dark."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tests.browser import TELEPHONE, WIDE, browsing
from tests.loopback_server import Answer, serving
from tests.ops.console.console_rig import console, furnished

pytestmark = pytest.mark.system

AXE = (resources.files("axe_core_python") / "axe.min.js").read_text()
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
    "/mirror",
    "/backups",
    "/tasks",
    "/clients",
    "/nothing",
)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_every_page(tmp_path: Path, dark: bool) -> None:
    stack = furnished(tmp_path)
    stack.backed_up()
    pages = console(stack.root, own_authority=True, links={"Grafana": "/grafana/"})

    def answer(_: str, path: str, __: Mapping[str, str]) -> Answer:
        asked = pages.get(path)
        headers = {name: value for name, value in asked.headers.items() if name != "content-length"}
        return asked.status_code, headers, asked.content

    problems: dict[tuple[str, int], Any] = {}
    for width in (WIDE, TELEPHONE):
        with serving(answer) as port, browsing(width=width, dark=dark) as browser:
            for path in PAGES:
                browser.goto(f"http://127.0.0.1:{port}{path}")
                browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
                browser.evaluate(AXE)
                found = browser.evaluate("axe.run()")
                assert len(found["passes"]) > 10, path
                problems[path, width] = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]
                if browser.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                    problems[path, width].append("it is wider than the window")
    assert {place: found for place, found in problems.items() if found} == {}
