"""One drill from beginning to end: restore a sample, serve it, pull it, and compare; nothing of the live registry is touched."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.backups.stage import DESCRIPTION, INDEX
from ops.backups.standing import Drilled, standing_of
from ops.backups.state import STATE
from ops.backups.told import Backup
from ops.core.clock import Clock
from ops.registry.index import Index, read_index
from ops.registry.manifests import fetched
from ops.registry.transport import RegistryError
from ops.registry.tree import RegistryTree
from ops.stack.stack import Stack
from ops.tasks.drill.model import DrillOptions, DrillReport
from ops.tasks.drill.plan import Candidate, candidates
from ops.tasks.drill.production import Production
from ops.tasks.drill.proof import proofs_of
from ops.tasks.drill.sample import restored_sample, scratch_folder, second_opened
from ops.tasks.drill.scratch import ScratchRegistry, image_of, scratch_registry
from ops.tasks.drill.state import opened

_REGISTRY = "registry"

Step = Callable[[str], None]


@dataclass(frozen=True)
class Preview:
    """What a drill would try.

    Attributes:
        backup: The backup.
        tags: Tags, as `repository:tag`, as far as they fit.
        of: How many tags the backup has.
    """

    backup: Backup
    tags: list[str]
    of: int


def preview(stack: Stack, options: DrillOptions) -> Preview:
    """Return what a drill would try. Nothing is restored.

    Raises:
        BackupError: There is no good backup, or it cannot be read.
    """
    backups = second_opened(stack)
    backup = backups.find()
    index = backups.index(backup)
    return Preview(
        backup, [str(one) for one in candidates(index, options, backup.id)], sum(len(one.tags) for one in index.values())
    )


def drill(stack: Stack, options: DrillOptions, step: Step) -> DrillReport:
    """Drill a restore, and keep the signed report.

    Args:
        stack: Whose backups.
        options: How much is tried.
        step: Called with the name of each step, for progress, and for tests that kill it there.

    Raises:
        BackupError: There is no good backup, or it cannot be read.
        EngineError: The Docker engine does not answer.
        ScratchError: No registry can be started.
        OSError: The disk is full.
    """
    with scratch_folder(stack, "drill") as folder:
        report = _Drill(stack, options, step, folder).run()
    proofs_of(stack).keep(report.document())
    at = datetime.fromisoformat(report.at).timestamp()
    standing_of(stack).note_drilled(Drilled(report.backup, at, report.passed, report.summary, figures=dict(report.figures)))
    return report


@dataclass
class _Drill:
    stack: Stack
    options: DrillOptions
    step: Step
    folder: Path
    clock: Clock = field(default_factory=Clock)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def run(self) -> DrillReport:
        backups = second_opened(self.stack)
        with self.clock.phase("connect"):
            backup = backups.find()
        self.step("connected")
        restored = self.folder / "restored"
        with self.clock.phase("state"):
            backups.restic.fetch(backup.id, restored, [INDEX, DESCRIPTION, STATE])
            index = read_index(restored / INDEX)
            description = json.loads((restored / DESCRIPTION).read_text())
            state = opened(restored / STATE, self.stack.root)
        self.problems += state.problems
        self.step("opened")
        sample = restored_sample(backups, backup, index, restored, options=self.options, clock=self.clock)
        if sample.left:
            self.notes.append(f"{sample.left} tags of the sample are larger than what was left of {self.options.size} bytes")
        self.step("restored")
        taken, part, rate = sample.taken, sample.part, sample.rate
        tree = sample.laid_out(self.stack, self.folder / "tree")
        recorded, now = description.get("images", {}).get(_REGISTRY, ""), self.stack.config.images.get(_REGISTRY, "")
        image, why = image_of(recorded, now)
        self.notes += [why] if why else []
        with contextlib.ExitStack() as served:
            with self.clock.phase("start"):
                registry = served.enter_context(scratch_registry(self.folder, tree.root, image, root=self.stack.root))
            self.step("serving")
            with self.clock.phase("pull"):
                manifests, blobs = self._pulled(registry, tree, part, taken)
        self._check_counts(index, description)
        moved, gone = self._compared(taken)
        good = standing_of(self.stack).good
        current = good.current if good and good.name == backup.name else backup.made_at.timestamp()
        return DrillReport(
            at=datetime.fromtimestamp(self.clock.began, UTC).isoformat(timespec="seconds"),
            stack=description.get("stack", ""),
            backup=backup.name,
            made_at=backup.made_at.astimezone(UTC).isoformat(timespec="seconds"),
            image=image,
            repositories=sorted(part),
            tags=len(taken),
            manifests=manifests,
            blobs=blobs,
            size=sample.size,
            rate=rate,
            rto_s=backup.size / rate + self.clock.seconds["start"] if backup.size and rate else None,
            rpo_s=max(0.0, time.time() - current),
            moved=moved,
            gone=gone,
            files=state.files,
            databases=state.databases,
            changed=state.changed,
            problems=self.problems,
            notes=self.notes,
            seconds={name: round(took, 3) for name, took in self.clock.seconds.items()},
        )

    def _pulled(self, registry: ScratchRegistry, tree: RegistryTree, part: Index, taken: list[Candidate]) -> tuple[int, int]:
        """Pull the tags as a client does, each manifest and each blob once in each repository; return how many these were."""
        asked = set[tuple[str, str, str]]()
        for one in taken:
            self._served(registry, one.repository, "manifests", one.tag, one.digest)
            repository, image = part[one.repository], fetched(tree, one.digest)
            linked = {*repository.revisions, *repository.layers}
            for digest in image.digests - (image.elsewhere - linked):
                kind = "manifests" if digest in repository.revisions else "blobs"
                if (one.repository, kind, digest) not in asked:
                    asked.add((one.repository, kind, digest))
                    self._served(registry, one.repository, kind, digest, digest)
        kinds = [kind for _, kind, _ in asked]
        return kinds.count("manifests"), kinds.count("blobs")

    def _served(self, registry: ScratchRegistry, repository: str, kind: str, reference: str, digest: str) -> None:
        if wrong := registry.served(repository, kind, reference, digest):
            self.problems.append(wrong)

    def _check_counts(self, index: Index, description: Mapping[str, Any]) -> None:
        """Check that the index has as much as the backup says it has."""
        having = {"repositories": len(index), "tags": sum(len(one.tags) for one in index.values())}
        for name, count in having.items():
            if description.get(name) != count:
                self.problems.append(f"{DESCRIPTION} speaks of {description.get(name)} {name}, and the index has {count}")

    def _compared(self, taken: list[Candidate]) -> tuple[list[str], list[str]]:
        with self.clock.phase("compare"):
            try:
                return Production(self.stack).compare(taken)
            except RegistryError as error:
                self.notes.append(f"what is served now cannot be compared: {error}")
                return [], []
