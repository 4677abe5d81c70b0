"""A task of a rehearsal as the version before did it: a program that is run with that version's `ops`, whatever this one has."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER, REGOPS_FILE, BackupSettings, RegopsConfig
from ops.registry.cache import NoCache, RedisCache
from ops.registry.index import index_of
from ops.registry.listing import listing_of
from ops.registry.live import LiveRegistry
from ops.registry.read_only import ReadOnlyMode, WritesInFlight
from ops.registry.snapshots.recovery import heal, roll_back
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.tree import RegistryTree
from ops.stack.stack import Stack
from ops.tasks.backup.run import back_up
from ops.tasks.gc.collection import GarbageCollection
from ops.tasks.gc.model import Rules, SafetyLimits

# As a rehearsal has them.
_KEPT, _MAX_AGE, _NO_AGE_S = 6, timedelta(days=365), -3600.0
_LIMIT_S = 10.0


def _stack(root: Path) -> Stack:
    """Return the stack with what the version before knew of its configuration."""
    known = json.loads((root / "current" / REGOPS_FILE).read_text())
    stack, backup = Stack(root), BackupSettings(target=known["backup"]["target"], host_key=known["backup"].get("host_key"))
    kept = {name: known[name] for name in ("stack", "url", "data", "registry_data", "snapshots")}
    stack.__dict__["config"] = RegopsConfig(**kept, backup=backup)
    return stack


def _live(stack: Stack, cache: str) -> LiveRegistry:
    host, _, port = cache.rpartition(":")

    def send(commands: Sequence[Sequence[str]]) -> None:
        with socket.create_connection((host, int(port)), _LIMIT_S) as connection, connection.makefile("rb") as answers:
            for words in commands:
                connection.sendall(f"{' '.join(words)}\r\n".encode())
                assert answers.readline()[:1] in {b"+", b":"}

    tree = RegistryTree(stack.root / stack.config.registry_data)
    store = SnapshotStore(stack.root / stack.config.snapshots, tree)
    mode = ReadOnlyMode(stack.root / READ_ONLY_FOLDER / READ_ONLY_FILE)
    return LiveRegistry(tree, store, mode, WritesInFlight, RedisCache(send) if cache else NoCache())


def _main(root: str, cache: str, task: str) -> None:
    stack = _stack(Path(root))
    live = _live(stack, cache)
    if task == "gc":
        GarbageCollection(live, Rules(min_age_s=_NO_AGE_S), SafetyLimits(max_share=1, max_backup_age_s=None)).run()
    elif task == "snapshot":
        with live.store.locked("rehearsal"):
            roll_back(live, "rehearsal")
            listing = listing_of(live.tree)
            heal(live.store, listing)
            live.store.create("snapshot", index_of(listing))
            live.store.drop_expired(keep=_KEPT, max_age=_MAX_AGE)
    else:
        report = back_up(stack, lambda _: None)
        print(report.name if report.is_new else "")  # noqa: T201  # for who runs it


if __name__ == "__main__":
    _main(*sys.argv[1:])
