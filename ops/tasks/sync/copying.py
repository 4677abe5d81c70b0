"""Copies a batch of tags by one run of regsync, and ends it when it hangs, takes too long, or fills the disk."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ops.core.files import write_atomic
from ops.registry.tree import RegistryTree
from ops.tasks.sync.configuration import target_of
from ops.tasks.sync.log import Log
from ops.tasks.sync.model import Failure, Job
from ops.tasks.sync.tree import referrers_of, tagged

_LOOK_S = 1.0
STOPPED = Failure("was interrupted", passes=True)
FULL = Failure("the disk has less free than the reserve", "free some disk, or lower sync.reserve_gb", passes=True)


class Running(Protocol):
    """A run of regsync: `ops.stack.regsync.RegsyncRun`."""

    def lines(self, within_s: float) -> list[str]:
        """Return what it has said since."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""

    @property
    def exit_code(self) -> int | None:
        """How it ended."""

    def received(self) -> int | None:
        """Return a number that grows as it receives something."""

    def end(self) -> None:
        """End it."""


@dataclass(frozen=True)
class Limits:
    """When a run of regsync is ended.

    Attributes:
        silence_s: After so many seconds in which it has received nothing.
        image_s: When one image has taken so long.
        reserve: When less than so many bytes are free on the disk.
    """

    silence_s: float = 120.0
    image_s: float = 4 * 3600.0
    reserve: int = 0


@dataclass
class Batch:
    """What became of a batch.

    Attributes:
        copied: What is here now as it was upstream.
        failed: What is not, and why.
        left: What was not begun.
        suspects: What was under way together when the run had to be ended: one of them may have held up the others.
        full: Whether the disk had no more room.
    """

    copied: list[Job] = field(default_factory=list)
    failed: list[tuple[Job, Failure]] = field(default_factory=list)
    left: list[Job] = field(default_factory=list)
    suspects: list[Job] = field(default_factory=list)
    full: bool = False


@dataclass(frozen=True)
class Copier:
    """Copies batches.

    Attributes:
        start: Starts regsync with a configuration, as its container reads it.
        folder: Where this process writes those.
        mount: Where regsync reads them.
        tree: Where the images go.
        target: This registry's address, as regsync reaches it.
        limits: When a run is ended.
        stop: Set to end all runs.
    """

    start: Callable[[str], AbstractContextManager[Running]]
    folder: Path
    mount: str
    tree: RegistryTree
    target: str
    limits: Limits
    stop: threading.Event = field(default_factory=threading.Event)

    def free(self) -> int:
        """Return how many bytes may be used until the reserve is reached."""
        self.tree.root.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self.tree.root).free - self.limits.reserve

    def copy(self, jobs: Sequence[Job], config: str, name: str) -> Batch:
        """Copy a batch.

        Args:
            jobs: The tags, all of one upstream registry.
            config: The configuration that names them.
            name: Of its file: only one batch with it may be copied at a time.

        Raises:
            OSError: The configuration cannot be written.
            RegsyncError: regsync cannot be started.
        """
        file = self.folder / f"{name}.json"
        write_atomic(file, config, mode=0o644)
        try:
            with self.start(f"{self.mount}/{file.name}") as run:
                log, ended = Log(), None
                watch = _Watch(run, log, self, jobs)
                while not run.is_over and (ended := watch.verdict()) is None:
                    for line in run.lines(_LOOK_S):
                        log.add(line)
                if ended is not None:
                    run.end()
                return self._result(jobs, log, ended, run.exit_code)
        finally:
            file.unlink(missing_ok=True)

    def _result(self, jobs: Sequence[Job], log: Log, ended: Failure | None, code: int | None) -> Batch:
        batch, suspects = Batch(full=ended is FULL), list[Job]()
        for job in jobs:
            target = target_of(job, self.target)
            if target in log.failed:
                batch.failed.append((job, log.failed[target]))
            elif self.has(job) or (ended is None and code == 0):
                batch.copied.append(job)  # a copy of one platform has another digest than upstream
            elif ended is not None and target in log.running:
                suspects.append(job)
            elif ended is not None:
                batch.left.append(job)
            else:
                said = f": {' / '.join(log.tail)}" if log.tail else ""
                batch.failed.append((job, Failure(f"regsync ended with {code}{said}", passes=True)))
        if ended is not None and (len(suspects) == 1 or ended in {FULL, STOPPED}):
            batch.failed += [(job, ended) for job in suspects]
        else:
            batch.suspects = suspects
        return batch

    def has(self, job: Job) -> bool:
        """Whether a tag is here as upstream has it, with what refers to it if that is what was lacking."""
        repository, digest = job.entry.repository, job.seen.digest
        if tagged(self.tree, repository, job.seen.tag) != digest:
            return False
        return not job.lacking or job.lacking <= referrers_of(self.tree, repository, digest)


class _Watch:
    """Watches one run."""

    def __init__(self, run: Running, log: Log, copier: Copier, jobs: Sequence[Job]) -> None:
        self._run, self._log, self._copier = run, log, copier
        self._jobs = {target_of(job, copier.target): job for job in jobs}
        self._received: int | None = -1
        self._since = time.monotonic()

    def verdict(self) -> Failure | None:
        """Return why the run has to end; None if it may go on."""
        if self._copier.stop.is_set():
            return STOPPED
        now, limits = time.monotonic(), self._copier.limits
        received = self._run.received()
        if received is None or received != self._received:
            self._received, self._since = received, now
        if now - self._since > limits.silence_s:
            return Failure(f"nothing came from upstream for {limits.silence_s:.0f} s", passes=True)
        for target, began in self._log.running.items():
            if now - began > limits.image_s and target in self._jobs and not self._copier.has(self._jobs[target]):
                return Failure(f"took longer than {limits.image_s / 3600:g} h", passes=True)
        return FULL if self._copier.free() < 0 else None
