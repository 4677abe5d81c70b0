"""Mirrors without an upstream: a catalogue, and what runs would have remembered of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ops.catalogue.shipped import ship, working_copy
from ops.config import MirrorSettings
from ops.core.files import write_atomic
from ops.stack.stack import Stack
from ops.tasks.sync.due import again
from ops.tasks.sync.mirror import mirror_of
from ops.tasks.sync.model import EntryResult, EntryState, Failure
from ops.tasks.sync.state import QUARANTINED_AFTER
from tests.ops.runs.test_task import stack_in

_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # thousands of entries take the other one a second
NOT_THERE = {"": Failure("there is no such repository", "correct its name")}
REFUSED = {"1.0": Failure("the login is refused", passes=True)}


def stack_with_mirror(folder: Path, entries: int = 3, *, window: str | None = None, **more: Any) -> Stack:
    """Return a stack that mirrors `docker.io/team/app0` and so on, as `up` has shipped it."""
    stack = stack_in(folder, sync=MirrorSettings(into=("**",), registries=("registry.example.com",), window=window), **more)
    ship(stack.root, catalogue(entries))
    return stack


def catalogue(entries: int, *off: int) -> bytes:
    """Return a catalogue, some of whose entries are switched off."""
    sync = [
        {"source": f"docker.io/team/app{number}", "target": f"registry.example.com/team/app{number}", "type": "repository"}
        | ({"x-regops": {"enabled": False}} if number in off else {})
        for number in range(entries)
    ]
    text: str = yaml.dump({"version": 1, "sync": sync}, Dumper=_DUMPER, sort_keys=False)
    return text.encode()


def edit(stack: Stack, content: bytes) -> None:
    """Edit the catalogue on the host."""
    write_atomic(working_copy(stack.root), content)


def remember(
    stack: Stack,
    failing: Mapping[int, int] | None = None,
    *,
    age_s: float = 0.0,
    pulls: int = 90,
    failures: Mapping[str, Failure] | None = None,
) -> None:
    """Remember a run that looked at all entries.

    Args:
        stack: The stack.
        failing: By their numbers the entries that failed, with how many runs in a row that makes.
        age_s: How long ago it was.
        pulls: How many pulls of Docker Hub were left.
        failures: Why they failed.
    """
    at, failing = time.time() - age_s, failing or {}
    with mirror_of(stack) as mirror:
        results = [
            EntryResult(entry, EntryState.UNCHANGED)
            if not (tries := failing.get(number, 0))
            else EntryResult(
                entry, EntryState.FAILED, failures=failures or NOT_THERE, tries=tries, quarantined=tries >= QUARANTINED_AFTER
            )
            for number, entry in enumerate(mirror.entries)
            if entry.enabled
        ]
        mirror.state.forget_others(mirror.entries)
        mirror.state.ended([(one, again(one, at)) for one in results], at)
        mirror.state.run_ended({"docker.io": pulls}, at)
