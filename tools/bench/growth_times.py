"""How long things take with ten times as many repositories, tags, blobs or bytes, and as much as before of all others."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ops.registry.cache import NoCache
from ops.registry.live import LiveRegistry
from ops.registry.read_only import ReadOnlyMode, WritesInFlight
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.tree import RegistryTree
from ops.tasks.changes.tree_scan import scan_of_tree
from ops.tasks.gc.collection import GarbageCollection
from ops.tasks.gc.model import Rules
from tests.ops.console.console_rig import Furnished, console
from tests.ops.tasks.changes.registries import fill, running_registry
from tests.ops.tasks.gc.trees import Layout
from tests.stack_components.edge.whole import running_before
from tools.bench import backup_times, gc_times, limits, mirror_times, throughput
from tools.bench.report import Growth, Table, curves
from tools.bench.throughput import Way
from tools.bench.turns import alternated, medians, seconds

TITLE = "Growth: what ten times as much takes"
_TIMES = 10
_PUSHED_BYTES = 32 << 20
_PAGE_TAGS, _PAGE_REPOSITORIES, _LISTED = 1_000, 100, 500
_ENTRIES, _ENTRY_TAGS = 12, 3
# How often each is measured.
_OFTEN, _TURNS, _TWICE, _ONCE = 5, 3, 2, 1
REPOSITORIES, TAGS, BLOBS, BYTES = "repositories", "tags", "blobs", "bytes"


@dataclass(frozen=True)
class Shape:
    """What a registry has. Every third image has no tag any more.

    Attributes:
        repositories: How many there are.
        images: How many there are in all of them.
        tags: How many each image has.
        layers: How many each image has, which no other one has.
        size: Bytes of a layer.
    """

    repositories: int = 60
    images: int = 600
    tags: int = 1
    layers: int = 2
    size: int = 10_000

    @property
    def all_tags(self) -> int:
        """How many there are."""
        return self.tags * (self.images - -(-self.images // 3))

    @property
    def all_blobs(self) -> int:
        """How many there are: each image has a manifest and a configuration, too."""
        return self.images * (self.layers + 2)

    @property
    def all_bytes(self) -> int:
        """How many all layers have."""
        return self.images * self.layers * self.size


BASE = Shape()
_MANY = BASE.all_blobs * _TIMES // BASE.images - 2
GROWN = {
    REPOSITORIES: replace(BASE, repositories=BASE.repositories * _TIMES),
    TAGS: replace(BASE, tags=BASE.tags * _TIMES),
    BLOBS: replace(BASE, layers=_MANY, size=BASE.size * BASE.layers // _MANY),
    BYTES: replace(BASE, size=BASE.size * _TIMES),
}
_OF = {
    REPOSITORIES: f"repositories, {BASE.repositories} → {GROWN[REPOSITORIES].repositories}",
    TAGS: f"tags, {BASE.all_tags} → {GROWN[TAGS].all_tags:,}",
    BLOBS: f"blobs, {BASE.all_blobs:,} → {GROWN[BLOBS].all_blobs:,}",
    BYTES: f"bytes, {BASE.all_bytes / 1e6:.0f} MB → {GROWN[BYTES].all_bytes / 1e6:.0f} MB",
}
_COLLECTION, _PUSH = "a garbage collection, a third unused", "a push through the edge"
_DISK = "the disk by itself: a file until it is written"
# Why something grows more than in proportion, by what it is and what grows.
_REASONS = {
    (
        _COLLECTION,
        BLOBS,
    ): "after each second in which writes are held they are let through for as long, and the smaller one is over "
    "before the first such pause. The row without the pauses is what it takes to do it.",
    (_PUSH, BYTES): "a push is answered once it is on the disk, which by itself takes more than in proportion, too.",
    (_DISK, BYTES): "how this machine's disk is.",
}
_MORE_GARBAGE = (
    "With 100,000 blobs a garbage collection takes more than in proportion, as its own section shows, where the same one in "
    "memory does not: the disk's file system takes longer for each file that is removed, the more were removed just before. "
    "That is why it is done in slices, between which writes go on."
)


def measure(folder: Path) -> Table:
    """Lay out registries and measure what is done with them.

    Args:
        folder: Where everything is put.
    """
    folder.mkdir(exist_ok=True)
    backup_times.install()
    for name, shape in {"": BASE, **GROWN}.items():
        place = folder / f"tree-{name}"
        lay_out(backup_times.tree_in(place), shape)
        backup_times.configure(place)
        backup_times.work("backup", place)
    (folder / "mirror").mkdir()
    rows = [*_of_trees(folder, _READING), *_pages(folder / "console"), *_transfers(folder), *_plans(folder / "mirror")]
    # Last: for minutes after files were removed, some file systems are slow at making others.
    table = curves([*rows, *_of_trees(folder, _REMOVING)], _REASONS)
    return replace(table, below=[*table.below, _MORE_GARBAGE])


def lay_out(tree: RegistryTree, shape: Shape) -> None:
    """Lay out a registry."""
    layout = Layout(tree)
    for number in range(shape.images):
        repository = f"bench/{number % shape.repositories}"
        digest = layout.image(repository, [layout.random.randbytes(shape.size) for _ in range(shape.layers)])
        for tag in range(shape.tags if number % 3 else 0):
            layout.tag(repository, f"v{number}.{tag}", digest)


@dataclass(frozen=True)
class _Operation:
    """What is done with a registry whose tree `backup_times` finds in a folder.

    Attributes:
        work: Does it, and returns seconds by what was done.
        turns: How often.
        of: What it is measured with ten times as much of.
    """

    work: Callable[[Path], dict[str, float]]
    turns: int
    of: tuple[str, ...]


def _of_trees(folder: Path, operations: tuple[_Operation, ...]) -> Iterator[Growth]:
    for one in operations:
        places = {name: folder / f"tree-{name}" for name in ("", *one.of)}
        found = alternated({name: partial(one.work, place) for name, place in places.items()}, one.turns, warm_up=False)
        for what in found[""][0]:
            small, *large = (statistics.median(turn[what] for turn in found[name]) for name in places)
            yield from (Growth(what, _OF[name], small, one_s) for name, one_s in zip(one.of, large, strict=True))


def _look(folder: Path) -> dict[str, float]:
    return {"what has changed, read in the tree": seconds(lambda: scan_of_tree(backup_times.tree_in(folder)))}


def _plan(folder: Path) -> dict[str, float]:
    tree = backup_times.tree_in(folder)
    store = SnapshotStore(folder / "snapshots", tree)
    live = LiveRegistry(tree, store, ReadOnlyMode(folder / "gate/read-only"), WritesInFlight, NoCache())
    return {"the plan of a garbage collection": seconds(GarbageCollection(live, Rules(min_age_s=0)).plan)}


def _back_up(folder: Path) -> dict[str, float]:
    return {"a backup, nothing has changed": backup_times.work("backup", folder)["s"]}


def _serve(folder: Path) -> dict[str, float]:
    took = backup_times.served(folder)
    backup_times.new_disk(folder)
    return {"the first answer after a loss": took}


def _collect(folder: Path) -> dict[str, float]:
    done = gc_times.collected(backup_times.tree_in(folder).root.parent)
    pauses = done["seconds"]["sweep"] - done["seconds"]["held"]
    return {_COLLECTION: done["whole_s"], f"{_COLLECTION}, without its pauses": done["whole_s"] - pauses}


_READING = (
    _Operation(_look, _OFTEN, (REPOSITORIES, TAGS, BLOBS)),
    _Operation(_plan, _OFTEN, (REPOSITORIES, TAGS, BLOBS)),
    _Operation(_back_up, _TURNS, (REPOSITORIES, TAGS, BLOBS, BYTES)),
    _Operation(_serve, _TWICE, (REPOSITORIES, TAGS, BLOBS, BYTES)),
)
_REMOVING = (_Operation(_collect, _ONCE, (REPOSITORIES, TAGS, BLOBS)),)


def _pages(folder: Path) -> Iterator[Growth]:
    """Ask the console for lists that it has not remembered."""
    small, tags, repositories = (Furnished(folder / name) for name in ("small", "tags", "repositories"))
    _name(small, 1, _PAGE_TAGS)
    _name(tags, 1, _PAGE_TAGS * _TIMES)
    _name(small, _PAGE_REPOSITORIES, 1, "of-many/")
    _name(repositories, _PAGE_REPOSITORIES * _TIMES, 1, "of-many/")

    def ask(stack: Furnished, path: str) -> None:
        console(stack.root).text(path)

    listed = "/images/bench0"
    for what, path, of, other in (
        ("the console's list of tags", listed, f"tags, {_PAGE_TAGS:,} → {_PAGE_TAGS * _TIMES:,}", tags),
        (
            "the console's list of repositories",
            "/images",
            f"repositories, {_PAGE_REPOSITORIES} → {_PAGE_REPOSITORIES * _TIMES:,}",
            repositories,
        ),
    ):
        found = medians({"small": partial(ask, small, path), "large": partial(ask, other, path)}, _OFTEN)
        yield Growth(what, of, found["small"], found["large"])


def _name(stack: Furnished, repositories: int, tags: int, group: str = "bench") -> None:
    for number in range(repositories):
        repository = f"{group}{number}"
        digest = stack.layout.image(repository, [b"layer"])
        for tag in range(tags):
            stack.layout.tag(repository, f"1.{tag}", digest)


def _transfers(folder: Path) -> Iterator[Growth]:
    """Push and pull through the edge, and list the catalogue page by page."""
    small, large = folder / "listed", folder / f"listed-{REPOSITORIES}"
    for place, count in ((small, _LISTED), (large, _LISTED * _TIMES)):
        fill(backup_times.tree_in(place), count, 1)
    with _edge(small) as few, _edge(large) as many:
        found = medians({"small": partial(_catalogue, few), "large": partial(_catalogue, many)}, _TURNS)
    of = f"{REPOSITORIES}, {_LISTED} → {_LISTED * _TIMES:,}"
    yield Growth("the catalogue through the edge, page by page", of, found["small"], found["large"])
    sizes = {"small": _PUSHED_BYTES, "large": _PUSHED_BYTES * _TIMES}
    digests: dict[str, str] = {}

    def push(way: Way, name: str) -> float:
        speed, digests[name] = throughput.push(way, folder, sizes[name])
        return sizes[name] / 1e6 / speed

    def pull(way: Way, name: str) -> float:
        return sizes[name] / 1e6 / throughput.pull(way, digests[name])

    of = f"bytes, {_PUSHED_BYTES >> 20} → {_PUSHED_BYTES * _TIMES >> 20} MiB"
    with _edge(folder / "pushed") as way:
        for what, one in (
            (_PUSH, push),
            (_DISK, lambda _, name: seconds(partial(limits.write, folder, sizes[name]))),
            ("a pull through the edge", pull),
        ):
            spent = alternated({name: partial(one, way, name) for name in sizes}, _OFTEN)
            yield Growth(what, of, *(statistics.median(spent[name]) for name in sizes))


@contextlib.contextmanager
def _edge(folder: Path) -> Iterator[Way]:
    """Run a registry over a tree, and gateway and edge before it."""
    (folder / "edge").mkdir(parents=True)
    root = backup_times.tree_in(folder).root
    root.mkdir(parents=True, exist_ok=True)
    with running_registry(root) as url, running_before(folder / "edge", url) as edge:
        yield Way(edge.url, anonymous="Bearer none")


def _catalogue(way: Way) -> None:
    path = "/v2/_catalog"
    with way.client("") as client:
        while path:
            answer = client.get(f"{way.url}{path}").raise_for_status()
            path = answer.links.get("next", {}).get("url", "").removeprefix(way.url)


def _plans(folder: Path) -> Iterator[Growth]:
    """Plan what a mirror copies, of which nothing has changed."""
    with mirror_times.mirror_in(folder) as mirror:
        sizes = {
            "small": (_ENTRIES, _ENTRY_TAGS),
            REPOSITORIES: (_ENTRIES * _TIMES, _ENTRY_TAGS),
            TAGS: (_ENTRIES, _ENTRY_TAGS * _TIMES),
        }
        for name, (entries, tags) in sizes.items():
            mirror_times.fill(mirror, f"{name}/app", entries, tags)

        def plan(name: str) -> float:
            mirror_times.choose(mirror, f"{name}/app", sizes[name][0])
            return seconds(lambda: mirror_times.succeeded(mirror_times.regops(mirror, "sync", "plan")))

        found = alternated({name: partial(plan, name) for name in sizes}, _TURNS)
    spent = {name: statistics.median(times) for name, times in found.items()}
    what = "`regops sync plan`, nothing has changed"
    yield Growth(what, f"{REPOSITORIES}, {_ENTRIES} → {_ENTRIES * _TIMES}", spent["small"], spent[REPOSITORIES])
    yield Growth(what, f"{TAGS}, {_ENTRIES * _ENTRY_TAGS} → {_ENTRIES * _ENTRY_TAGS * _TIMES}", spent["small"], spent[TAGS])
