"""Takes the pictures of the console in docs/, of a stack made up for it: `python -m tests.ops.console.pictures`."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from infra.paths import PROJECT_FOLDER
from ops.tasks.changes.model import Change
from tests.browser import screenshot
from tests.loopback_server import Answer, serving
from tests.ops.console.console_rig import Furnished, console
from tests.ops.console.test_health import ALERTS, VALUES, MockPrometheus
from tests.ops.console.test_past import drilled
from tests.ops.stack.test_access_log import line

PICTURES = {"/": "console-home.png", "/images/team/shop": "console-repository.png", "/backups": "console-backups.png"}


def made_up(root: Path) -> Furnished:
    """Return a stack's folder as it looks after a few weeks."""
    stack, chance = Furnished(root), random.Random(1)  # noqa: S311
    for number in range(1, 7):
        layers = [chance.randbytes(chance.randrange(200_000, 3_000_000)) for _ in range(3)]
        images = {name: stack.image("team/shop", *layers, name.encode(), architecture=name) for name in ("amd64", "arm64")}
        index = stack.index("team/shop", images)
        stack.tag("team/shop", f"1.{number}.0", index)
        stack.record(Change("team/shop", f"1.{number}.0", None, index), days_ago=14 - 2 * number, actor="ci")
        _set_back(stack, f"1.{number}.0", days=14 - 2 * number)
    stack.tag("team/shop", "latest", index)
    stack.record(Change("team/shop", "latest", None, index), days_ago=2, actor="ci")
    _set_back(stack, "latest", days=2)
    stack.backed_up()
    stack.requested(
        *(line("GET", f"/v2/team/shop/manifests/1.{number}.0", age=900_000 // number**3, size=900) for number in range(3, 7)),
        line("GET", "/v2/team/shop/manifests/latest", age=600, size=900),
    )
    for days in range(7, 0, -1):
        stack.ran("backup", minutes_ago=days * 24 * 60, summary=f"{8 - max(days // 2, 1)} tags, 1.0 MiB sent")
    for days in (15, 8, 1):
        drilled(stack, days)
    stack.ran("gc", minutes_ago=3 * 24 * 60, summary="deleted 41 blobs, freed 2.3 GiB")
    stack.ran("drill", minutes_ago=150, summary="7 tags of 1 repository came back")
    stack.ran("backup", minutes_ago=140, summary="7 tags, 1.0 MiB sent")
    stack.ran("doctor", summary="all is well")
    return stack


def _set_back(stack: Furnished, tag: str, *, days: int) -> None:
    at = time.time() - days * 86_400
    os.utime(stack.layout.tree.tag("team/shop", tag), (at, at))


def main() -> None:
    """Take the pictures."""
    prometheus = MockPrometheus()
    prometheus.alerts = ALERTS[:1]
    prometheus.values = {**VALUES, "max(max_over_time": time.time() - 12 * 86_400}
    with tempfile.TemporaryDirectory() as folder, serving(prometheus) as asked:
        stack, url = made_up(Path(folder)), f"http://127.0.0.1:{asked}"
        browser = console(stack.root, registry_url=url, prometheus_url=url, links={"Grafana": "/grafana/"})

        def answer(_: str, path: str, __: Mapping[str, str]) -> Answer:
            page = browser.get(path)
            return page.status_code, {"Content-Type": page.headers["content-type"]}, page.content

        with serving(answer) as port:
            for path, name in PICTURES.items():
                screenshot(f"http://127.0.0.1:{port}{path}", PROJECT_FOLDER / "docs" / name)


if __name__ == "__main__":
    main()
