"""What a registry needs day by day: to see changes, to collect garbage, to be backed up and brought back, to mirror."""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ops.core.process import run
from ops.registry.client import ANY_MANIFEST
from ops.registry.tree import RegistryTree
from tests.ops.tasks.gc.registry_collector import collect
from tests.ops.tasks.gc.trees import lay_out_images
from tests.real_programs import registry_binary
from tools.bench import backup_times, change_times, gc_times, mirror_times, peers
from tools.bench.compared_transfers import fetch_all
from tools.bench.report import Compared
from tools.bench.turns import alternated, medians, seconds

_TURNS = 3
_LIMIT_S = 600
_REPOSITORIES, _TAGS = 25, 10
_GARBAGE_BLOBS, _GARBAGE_TURNS = 5_000, 2
_BACKUP_BLOBS, _BACK_TURNS = 10_000, 2
_ENTRIES, _ENTRY_TAGS, _CONNECTIONS = 40, 3, 3


def changes(folder: Path) -> Compared:
    """Look at what all tags point to."""
    with change_times.ways(folder, _REPOSITORIES, _TAGS) as looks:
        links = RegistryTree(folder / "registry").repositories
        find: list[str | Path] = ["find", links, "-path", "*/_manifests/tags/*/current/link", "-exec", "cat", "{}", "+"]
        sides: dict[str, Callable[[], object]] = {
            "ours": looks[change_times.TREE],
            "original": looks[change_times.REGCTL],
            "plain": partial(run, find, timeout=_LIMIT_S),
        }
        return Compared(f"what {_REPOSITORIES * _TAGS} tags point to", **medians(sides, _TURNS, warm_up=False))


def garbage(folder: Path) -> Compared:
    """Collect garbage of copies of one tree, of which every third image has no tag."""
    laid, layouts = folder / "laid", folder / "layouts"
    lay_out_images(RegistryTree(laid / "registry"), _GARBAGE_BLOBS)
    peers.as_layouts(RegistryTree(laid / "registry"), layouts)
    repositories = sorted(RegistryTree(laid / "registry").repository_names())
    turn: list[Path] = []

    def ours() -> float:
        turn[:] = [folder / f"turn{len(list(folder.glob('turn*')))}"]
        tree = _copied(laid, turn[0] / "ours")
        return seconds(partial(gc_times.collected, tree.root.parent))

    def original() -> float:
        tree = _copied(laid, turn[0] / "original")
        return seconds(partial(collect, registry_binary(), tree))

    def olareg() -> float:
        shutil.copytree(layouts, turn[0] / "olareg")
        os.sync()
        return peers.collect_with_olareg(turn[0] / "olareg", repositories)

    def limit() -> float:
        """Remove what ours has removed."""
        tree = _copied(laid, turn[0] / "limit")
        removed = set(tree.files()) - set(RegistryTree(turn[0] / "ours/registry").files())
        names = "\0".join(str(tree.top / path) for path in sorted(removed))
        return seconds(partial(run, ["xargs", "--null", "rm"], stdin=names, timeout=_LIMIT_S))

    found = alternated({"ours": ours, "original": original, "olareg": olareg, "limit": limit}, _GARBAGE_TURNS, warm_up=False)
    what = f"garbage collection of {_GARBAGE_BLOBS:,} blobs, a third unused"
    return Compared(what, **{name: statistics.median(times) for name, times in found.items()})


def backups(folder: Path) -> list[Compared]:
    """Back up a tree in which nothing has changed, and bring all of it back to an empty disk."""
    backup_times.install()
    tree = backup_times.tree_in(folder)
    lay_out_images(tree, _BACKUP_BLOBS)
    backup_times.configure(folder)
    backup_times.work("backup", folder)
    unchanged = alternated(
        {
            "ours": lambda: backup_times.work("backup", folder)["s"],
            "plain": lambda: backup_times.rsync(folder),
            "limit": lambda: seconds(lambda: run(["find", tree.root, "-type", "f", "-empty"], timeout=_LIMIT_S)),
        },
        _TURNS,
        warm_up=False,
    )
    first: list[float] = []

    def ours() -> float:
        if first:
            backup_times.new_disk(folder)
        first.append(backup_times.work("serve", folder)["s"])
        return first[-1] + float(backup_times.work("complete", folder)["s"])

    def plain() -> float:
        target = folder / f"back{len(first)}"
        return seconds(lambda: run(["rsync", "--archive", "--fsync", f"{folder / 'copy'}/", target], timeout=_LIMIT_S))

    def limit() -> float:
        target = folder / f"limit{len(first)}"

        def copy() -> None:
            run(["cp", "--archive", folder / "copy", target], timeout=_LIMIT_S)
            os.sync()

        return seconds(copy)

    back = alternated({"ours": ours, "plain": plain, "limit": limit}, _BACK_TURNS, warm_up=False)
    nothing, whole = ({name: statistics.median(times) for name, times in found.items()} for found in (unchanged, back))
    at = f"{_BACKUP_BLOBS:,} blobs"
    return [
        Compared(f"a backup, nothing has changed, {at}", **nothing, original=nothing["plain"]),
        Compared(f"the first pull after a loss, {at}", statistics.median(first), original=whole["plain"], plain=whole["plain"]),
        Compared(f"everything is back, {at}", **whole, original=whole["plain"]),
    ]


def sync(folder: Path) -> Compared:
    """Run a mirror that has nothing to copy."""
    folder.mkdir()
    with mirror_times.mirror_in(folder) as mirror:
        mirror_times.fill(mirror, "bench/app", _ENTRIES, _ENTRY_TAGS)
        fronts = list(mirror.fronts.values())
        urls = [
            f"http://{fronts[number % len(fronts)].address}/v2/bench/app{number}/manifests/1.{tag}"
            for number in range(_ENTRIES)
            for tag in range(_ENTRY_TAGS)
        ]
        at_once = _CONNECTIONS * len(fronts)
        sides: dict[str, Callable[[], object]] = {
            "ours": lambda: mirror_times.succeeded(mirror_times.regops(mirror, "sync", "--force")),
            "original": lambda: mirror_times.succeeded(mirror_times.regsync(mirror, "once")),
            "limit": lambda: fetch_all(folder / "heads", urls, f"Accept: {ANY_MANIFEST}\n", at_once, "--head"),
        }
        what = f"a mirror of {_ENTRIES * _ENTRY_TAGS} tags 20 ms away, nothing has changed"
        return Compared(what, **medians(sides, _TURNS, warm_up=False))


def _copied(laid: Path, folder: Path) -> RegistryTree:
    shutil.copytree(laid, folder)
    return RegistryTree(folder / "registry")
