"""Pushes and pulls through the edge, against the registry alone, other registries, and what disk and network can do."""

from __future__ import annotations

import secrets
import statistics
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from ops.core.process import run
from ops.registry.client import ANY_MANIFEST
from tests.engine.stacks import new_stack
from tests.ops.tasks.gc.gc_rig import Client, Image
from tools.bench import limits, peers, throughput
from tools.bench.report import Compared
from tools.bench.throughput import Way
from tools.bench.turns import alternated, medians, seconds

_TURNS = 3
_IMAGES, _PULLS, _AT_ONCE = 100, 1000, 8
_REPOSITORY = "bench/small"
_LIMIT_S = 300


def measure(folder: Path) -> list[Compared]:
    """Push to all of them and pull from all of them, without CPU limits.

    Args:
        folder: Where they keep what they are given.
    """
    folder.mkdir()
    with (
        new_stack(folder, {"limits": throughput.no_limits()}) as stack,
        peers.registry_alone(folder / "alone") as alone,
        peers.zot(folder / "zot") as zot,
        peers.olareg(folder / "olareg") as olareg,
    ):
        ours = throughput.edge_of(stack, stack.open().up(stream=False))
        ways = {"ours": ours, "original": alone, "olareg": olareg} | ({"zot": zot} if zot else {})
        return [*_large(ways, folder), _many_pushes(ways, folder), _many_pulls(ways, folder)]


def _large(ways: Mapping[str, Way], folder: Path) -> list[Compared]:
    size, megabytes = throughput.BLOB_BYTES, throughput.BLOB_BYTES / 1e6
    digests: dict[str, str] = {}

    def push(name: str) -> float:
        speed, digests[name] = throughput.push(ways[name], folder, size)
        return megabytes / speed

    def pull(name: str) -> float:
        return megabytes / throughput.pull(ways[name], digests[name])

    rows = []
    for what, one, limit in (
        ("push a layer of 256 MiB", push, partial(limits.write, folder, size)),
        ("pull it", pull, partial(limits.send, size)),
    ):
        sides = {name: partial(one, name) for name in ways} | {"limit": partial(seconds, limit)}
        found = {name: statistics.median(times) for name, times in alternated(sides, _TURNS).items()}
        rows.append(Compared(what, **found, megabytes=megabytes))
    return rows


def _many_pushes(ways: Mapping[str, Way], folder: Path) -> Compared:
    """Push small images that nobody has, as Docker does: what is there already is not sent."""
    files = [len(content) for image in _images("") for content in (*image.blobs, image.manifest)]

    def write() -> None:
        limits.write_each(folder / secrets.token_hex(4), files, _AT_ONCE)

    found = medians({name: partial(_push_all, way) for name, way in ways.items()} | {"limit": write}, _TURNS)
    return Compared(f"push {_IMAGES} small images, {_AT_ONCE} at once", **found, count=_IMAGES)


def _push_all(way: Way) -> None:
    with way.client(_REPOSITORY) as http, ThreadPoolExecutor(_AT_ONCE) as threads:
        client = Client(way.url, http)

        def push(numbered: tuple[int, Image]) -> None:
            client.push(_REPOSITORY, str(numbered[0]), numbered[1]).raise_for_status()

        list(threads.map(push, enumerate(_images(secrets.token_hex(4)))))


def _images(seed: str) -> list[Image]:
    return [Image(f"{seed} {number}", layers=1) for number in range(_IMAGES)]


def _many_pulls(ways: Mapping[str, Way], folder: Path) -> Compared:
    found = medians({name: partial(_pull_all, way, folder) for name, way in ways.items()}, _TURNS)
    return Compared(f"pull {_PULLS} manifests, {_AT_ONCE} at once", **found, count=_PULLS)


def _pull_all(way: Way, folder: Path) -> None:
    urls = [f"{way.url}/v2/{_REPOSITORY}/manifests/{number % _IMAGES}" for number in range(_PULLS)]
    fetch_all(folder / "pulls", urls, throughput.header_of(way, _REPOSITORY) + f"Accept: {ANY_MANIFEST}\n", _AT_ONCE)


def fetch_all(file: Path, urls: list[str], headers: str, at_once: int, *options: str) -> None:
    """Fetch addresses with curl, some at once, and throw away what comes.

    Args:
        file: Where the list of addresses is put.
        urls: The addresses.
        headers: Lines of headers.
        at_once: How many at once.
        options: Further ones of curl.
    """
    file.write_text("".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls))
    parallel = ["--parallel", "--parallel-max", str(at_once), "--no-progress-meter", *options]
    run(["curl", "--fail", *parallel, "--header", "@-", "--config", file], stdin=headers, timeout=_LIMIT_S)
