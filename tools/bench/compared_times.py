"""One table of what people do with a registry: ours, the original way, plain tools, other registries, and the limit."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tools.bench import compared_transfers, compared_upkeep, limits, peers
from tools.bench.report import Table, comparison
from tools.bench.turns import medians

TITLE = "Compared with the original way, plain tools, other registries, and what the machine can do"
_BYTES = 256 << 20
_TURNS = 3


def measure(folder: Path) -> Table:
    """Do all of it in several ways, which take turns.

    Args:
        folder: Where everything is put.
    """
    folder.mkdir(exist_ok=True)
    rows = [
        *compared_transfers.measure(folder / "transfers"),
        compared_upkeep.changes(folder / "changes"),
        compared_upkeep.sync(folder / "mirror"),
        *compared_upkeep.backups(folder / "backups"),
        # Last: for minutes after files were removed, some file systems are slow at making others.
        compared_upkeep.garbage(folder / "garbage"),
    ]
    return comparison(rows, below=[*_NOTES, *_other_registries(), _machine(folder)])


def _other_registries() -> list[str]:
    notes = [
        "zot and olareg keep images as OCI layouts. They have no edge here, and let everybody do everything. Neither has backups "
        "or a list of changes.",
        "olareg collects garbage when it ends. zot does in its spare time and not when it is told to, and its mirror is not part "
        "of the program that is measured.",
    ]
    return notes if peers.zot_program() else [*notes, "There was no zot: name its program with `ZOT=`, or put it on the path."]


def _machine(folder: Path) -> str:
    works = {
        "disk": partial(limits.write, folder, _BYTES),
        "network": partial(limits.send, _BYTES),
        "digests": partial(limits.digest, _BYTES),
    }
    speeds = {name: f"{_BYTES / 1e6 / found:.0f} MB/s" for name, found in medians(works, _TURNS).items()}
    return (
        f"What the machine did in this run: {speeds['disk']} to its disk, {speeds['network']} over one loopback connection, "
        f"{speeds['digests']} of SHA-256 on one core."
    )


_NOTES = (
    "Ours is all of it: the edge with its access log, tokens, and where data change what it takes to undo that. Clients and "
    "services share the cores, and no CPU limits are in force.",
    "The original way: the registry alone, without edge and tokens; a `regctl` call for each tag; `regsync once`; the "
    "registry's `garbage-collect --delete-untagged`, during which nobody may push; `rsync --delete` there and back "
    "with the registry stopped.",
    "Plain tools: `find` and `cat` for tags, `rsync` for backups. There are none for the rest.",
    "The limit: a file written until it is on the disk, or small files, each until it is; one loopback connection; one "
    "request for each tag over three connections to each upstream; `find` in the tree, `cp` and `sync` of it; "
    "`rm` of what was removed.",
    "While it collects garbage, ours holds writes for a second at most, and lets them through for as long before it goes on. "
    "What it removes stays in the trash for a while.",
)
