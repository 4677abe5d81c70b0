"""A rehearsal on a copy of the newest good backup: in a scratch folder, served by a scratch registry, both gone afterwards."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from ops.backups.stage import DESCRIPTION, INDEX, pooled
from ops.config import BACKUP_PASSWORD, BACKUP_SECOND_PASSWORD
from ops.core.clock import Clock
from ops.core.files import write_atomic
from ops.registry.index import read_index
from ops.registry.tree import RegistryTree
from ops.stack.stack import Stack
from ops.tasks.drill.model import DrillOptions
from ops.tasks.drill.sample import Sample, restored_sample, scratch_folder, second_opened
from ops.tasks.drill.scratch import image_of
from ops.tasks.rehearse.client import Client
from ops.tasks.rehearse.engine import Rehearsal, Rehearsed
from ops.tasks.rehearse.images import shape_of
from ops.tasks.rehearse.mirroring import mirror_settings
from ops.tasks.rehearse.model import Model
from ops.tasks.rehearse.relay import Relay
from ops.tasks.rehearse.scratch import remove_all_left_behind, scratch_registry, scratch_regsync
from ops.tasks.rehearse.world import Upstream, World, make_stack
from ops.tasks.sync.mirror import REGSYNC

_REGISTRY = "registry"
_SIGNATURE = "sha256-"
_SIZE, _TAGS = 256 * 1024**2, 5


@dataclass(frozen=True)
class RehearsalOptions:
    """What is rehearsed.

    Attributes:
        actions: How many actions.
        seed: What chooses them.
        repositories: How many repositories of the backup they begin with.
    """

    actions: int = 500
    seed: str = ""
    repositories: int = 5


def new_seed() -> str:
    """Return a seed that nobody has had."""
    return secrets.token_hex(4)


def rehearse(
    stack: Stack, options: RehearsalOptions, step: Callable[[str], None], tell: Callable[[int, str], None] = lambda *_: None
) -> Rehearsed:
    """Rehearse on a copy. The live registry is neither asked nor touched.

    Args:
        stack: Whose backups.
        options: What is rehearsed.
        step: Called with the name of each step, for progress.
        tell: Called after each action with its number and what it did.

    Raises:
        BackupError: There is no good backup, or it cannot be read.
        EngineError: The Docker engine does not answer.
        ScratchError: No registry can be started.
        OSError: The disk is full.
    """
    with scratch_folder(stack, "rehearsal") as folder:
        backups = second_opened(stack)
        backup = backups.find()
        step("connected")
        restored = folder / "restored"
        backups.restic.fetch(backup.id, restored, [INDEX, DESCRIPTION])
        index, description = read_index(restored / INDEX), json.loads((restored / DESCRIPTION).read_text())
        sampled = DrillOptions(repositories=options.repositories, tags=_TAGS, size=_SIZE)
        sample = _without_the_rest(restored_sample(backups, backup, index, restored, options=sampled, clock=Clock()))
        root = folder / "stack"
        root.mkdir()
        tree = sample.laid_out(stack, root / _REGISTRY)
        image, _ = image_of(description.get("images", {}).get(_REGISTRY, ""), stack.config.images.get(_REGISTRY, ""))
        step("restored")
        remove_all_left_behind(stack.root)
        with _world(stack, folder, tree, image) as world:
            world.await_start()
            step("serving")
            return Rehearsal(world, options.seed, _model_of(sample, tree), tell).run(options.actions)


@contextlib.contextmanager
def _world(stack: Stack, folder: Path, tree: RegistryTree, image: str) -> Iterator[World]:
    """Run a registry on a tree, and, if the stack has a mirror, what it mirrors from: an empty one."""
    root = folder / "stack"
    with contextlib.ExitStack() as ends:
        registry = ends.enter_context(scratch_registry(folder, tree.root, image, root=stack.root))
        line = ends.enter_context(Relay(urlsplit(url := registry.start()).netloc).running())
        scratch = make_stack(root, f"http://{line.address}", sync=mirror_settings(line))
        for name in (BACKUP_PASSWORD, BACKUP_SECOND_PASSWORD):
            write_atomic(root / "secrets" / name, f"{secrets.token_hex(16)}\n", mode=0o600)
        upstream = None
        if regsync := stack.config.images.get(REGSYNC):
            source = ends.enter_context(_upstream(stack, folder / "upstream", image))
            upstream = Upstream(Client(source), ends.enter_context(Relay(urlsplit(source).netloc).running()))
            ends.enter_context(scratch_regsync(scratch, regsync, upstream.line, root=stack.root))
        world = World(scratch, url, registry.kill, registry.start, line, upstream=upstream)
        ends.callback(world.close)
        yield world


@contextlib.contextmanager
def _upstream(stack: Stack, folder: Path, image: str) -> Iterator[str]:
    """Run an empty registry; yield where it is."""
    tree = folder / _REGISTRY
    tree.mkdir(parents=True)
    with scratch_registry(folder, tree, image, root=stack.root) as registry:
        yield registry.start()


def _without_the_rest(sample: Sample) -> Sample:
    """Return a sample without links to what was not restored with it: what a collection took of that could not come back.

    Nor has it tags of signatures, which a collection takes with what they sign: the model knows no tag that goes by itself.
    """

    def here(digest: str) -> bool:
        return (sample.folder / pooled(digest)).exists()

    part = {
        name: replace(
            one,
            tags={tag: digest for tag, digest in one.tags.items() if not tag.startswith(_SIGNATURE)},
            revisions=list(filter(here, one.revisions)),
            layers=[layer for layer in one.layers if here(one.stored_as(layer))],
        )
        for name, one in sample.part.items()
    }
    return replace(sample, part=part)


def _model_of(sample: Sample, tree: RegistryTree) -> Model:
    """Return the model of a sample: what its tags lead to, read from its manifests."""
    model = Model()
    for name, one in sample.part.items():
        for digest in one.revisions:
            model.shapes[digest] = shape_of(tree.blob(digest).read_bytes())
            model.there([(name, digest)])
        model.tags |= {(name, tag): digest for tag, digest in one.tags.items()}
    return model
