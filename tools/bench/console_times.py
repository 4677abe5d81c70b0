"""How long the console takes to answer, and how much memory it has, with 10,000 tags and its limits in force."""

from __future__ import annotations

import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx

from ops.registry.canary import make_canary
from ops.registry.client import Login, RegistryClient
from ops.registry.transport import PooledEndpoint
from stack_components.console.component import NAME
from tests.engine.stacks import new_stack
from tests.plans import DEFAULTS
from tools.bench.containers import peak
from tools.bench.report import Row

TITLE = "The console, 10,000 tags in one repository, limits in force, through the edge"
_REPOSITORY, _TAGS = "team/many", 10_000
_AT_ONCE, _TIMES = 8, 21
_PAGES = {
    "Home": ("/", 100),
    "a list of tags": (f"/images/{_REPOSITORY}", 300),
    "its last page": (f"/images/{_REPOSITORY}?page=200", 300),
    "a search in it": (f"/images/{_REPOSITORY}?q=99", 300),
    "a tag": (f"/images/{_REPOSITORY}:1.{_TAGS - 1}", 300),
}


def measure(folder: Path) -> list[Row]:
    """Bring a stack up, fill a repository, and look at pages.

    Args:
        folder: Where the stack is.
    """
    folder.mkdir(exist_ok=True)
    with new_stack(folder, DEFAULTS) as stack:
        outputs = stack.open().up(stream=False)
        login = Login(outputs["registry_user"], outputs["registry_pass"])
        _fill(outputs["registry_url"], login)
        with httpx.Client(base_url=outputs["registry_url"], auth=(login.name, login.password), timeout=60) as browser:
            rows = [_answered(browser, what, path, goal_ms) for what, (path, goal_ms) in _PAGES.items()]
        return [*rows, peak("its memory", stack.containers()[NAME])]


def _fill(url: str, login: Login) -> None:
    """Push an image of its own for each tag; they share their layers."""
    canary = make_canary("the console")
    with closing(PooledEndpoint(url)) as endpoint, ThreadPoolExecutor(_AT_ONCE) as threads:
        client = RegistryClient(endpoint, login, until=time.monotonic() + 600)
        for blob in canary.blobs:
            client.push_blob(_REPOSITORY, blob)

        def push(number: int) -> None:
            manifest = {**json.loads(canary.manifest), "annotations": {"number": str(number)}}
            client.push_manifest(_REPOSITORY, f"1.{number}", json.dumps(manifest).encode())

        list(threads.map(push, range(_TAGS)))


def _answered(browser: httpx.Client, what: str, path: str, goal_ms: int) -> Row:
    """Ask for a page several times, more slowly than its CPU limit would throttle for the sake of the measurement alone."""
    milliseconds, sizes = [], []
    for _ in range(_TIMES):
        began = time.perf_counter()
        answer = browser.get(path).raise_for_status()
        milliseconds.append((time.perf_counter() - began) * 1000)
        sizes.append(answer.num_bytes_downloaded)
        time.sleep(0.5)
    detail = (
        f"the first {milliseconds[0]:.0f} ms, the slowest later one {max(milliseconds[1:]):.0f} ms, {max(sizes) / 1000:.0f} kB"
    )
    return Row(f"{what}: median answer", detail, f"≤ {goal_ms} ms", statistics.median(milliseconds), "ms")
