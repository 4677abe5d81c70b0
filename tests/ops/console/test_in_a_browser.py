"""The pages in a real browser: everybody can use them (axe finds nothing), also on a telephone, light and dark."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tests.browser import page
from tests.loopback_server import Answer, serving
from tests.ops.console.console_rig import console, furnished

pytestmark = pytest.mark.system

AXE = (resources.files("axe_core_python") / "axe.min.js").read_bytes()
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
WIDE, NARROW = 1280, 360
# Opens each page in a frame of its own, one after the other, and writes down what axe finds, and what is wider than the frame.
HARNESS = """<!doctype html><title>0</title><pre id=found></pre><script>
(async () => {
  const found = [];
  for (const [path, width] of JOBS) {
    const frame = document.createElement("iframe");
    frame.width = width; frame.height = 900; frame.src = path;
    await new Promise((loaded) => { frame.onload = loaded; document.body.append(frame); });
    frame.contentDocument.querySelectorAll("details").forEach((one) => { one.open = true; });
    const script = frame.contentDocument.createElement("script");
    await new Promise((loaded) => { script.onload = loaded; script.src = "/axe.js"; frame.contentDocument.head.append(script); });
    const result = await frame.contentWindow.axe.run(frame.contentDocument, { iframes: false });
    const root = frame.contentDocument.documentElement;
    found.push({
      path, width, passes: result.passes.length, overflows: root.scrollWidth > root.clientWidth,
      violations: result.violations.map((one) => [one.id, one.nodes.map((node) => node.html)]),
    });
    frame.remove();
  }
  document.getElementById("found").textContent = JSON.stringify(found);
})();
</script>"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_every_page(tmp_path: Path, dark: bool) -> None:
    stack = furnished(tmp_path)
    stack.backed_up()
    browser = console(stack.root, own_authority=True, links={"Grafana": "/grafana/"})
    jobs = [(path, width) for path in PAGES for width in (WIDE, NARROW)]
    harness = HARNESS.replace("JOBS", json.dumps(jobs)).encode()

    def answer(_: str, path: str, __: Mapping[str, str]) -> Answer:
        """Answer as the console, without the policy that forbids frames and scripts: axe is one."""
        own = {"/harness": ("text/html", harness), "/axe.js": ("text/javascript", AXE)}
        if path in own:
            kind, body = own[path]
            return 200, {"Content-Type": kind, "Content-Length": str(len(body))}, body
        asked = browser.get(path)
        body = asked.content
        return 200, {"Content-Type": asked.headers["content-type"], "Content-Length": str(len(body))}, body

    with serving(answer) as port:
        seen = page(f"http://127.0.0.1:{port}/harness", wait_ms=120_000, dark=dark)
    (text,) = re.findall(r'<pre id="found">(.*?)</pre>', seen, re.DOTALL)
    found: list[dict[str, Any]] = json.loads(html.unescape(text))
    assert [(one["path"], one["width"]) for one in found] == jobs
    assert min(one["passes"] for one in found) > 10
    assert [one for one in found if one["violations"] or one["overflows"]] == []
