"""Mirroring in a rehearsal: from a registry in which somebody pushes meanwhile, over lines that hold or are cut."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

from ops.catalogue.shipped import working_copy
from ops.config import MirrorSettings
from ops.core.files import write_atomic
from ops.stack.stack import Stack
from ops.tasks.rehearse.client import Client
from ops.tasks.rehearse.relay import Relay
from ops.tasks.rehearse.scene import REPOSITORIES, TAGS, FindingError, Scene
from ops.tasks.rehearse.tasks import killed
from ops.tasks.rehearse.victim import STEPS
from ops.tasks.rehearse.world import Upstream
from ops.tasks.sync.mirror import REGSYNC, mirror_of
from ops.tasks.sync.model import EntryState, SyncReport
from ops.tasks.sync.run import Ask
from ops.tasks.sync.run import sync as mirror_entries

# What the catalogue calls the registry.
_HERE = "rehearsal.invalid"
_PASSWORD = f"secrets/{REGSYNC}/password"
_WELL = {EntryState.CHANGED, EntryState.UNCHANGED}
# Some are cut while a run looks, some while it copies.
_MOST_BYTES = 30_000
# regsync tries for a minute to reach what is gone for good.
_FOR_GOOD = 0.1


def mirror_settings(target: Relay) -> MirrorSettings:
    """Return the settings of a mirror that copies to a registry by a line to it."""
    return MirrorSettings(into=("**",), reserve_gb=0, target=target.address, registries=(_HERE,))


def write_catalogue(stack: Stack, source: Relay) -> Path:
    """Write a catalogue that names every repository of a rehearsal, and a password that nobody asks for; return its file."""
    entries = [{"source": f"{source.address}/{one}", "target": f"{_HERE}/{one}", "type": "repository"} for one in REPOSITORIES]
    write_atomic(working_copy(stack.root), json.dumps({"version": 1, "sync": entries}))
    write_atomic(stack.root / _PASSWORD, "nobody-asks\n")
    return stack.root / _PASSWORD


def sync(scene: Scene) -> str:
    """Mirror a repository to which somebody upstream has pushed: all its tags are here as they are there."""
    repository, pushed = _pushed_upstream(scene)
    return f"{pushed}; {_mirrored(scene, repository)}"


def cut_sync(scene: Scene) -> str:
    """Cut a line while a repository is mirrored, for good or for a moment: nothing is half here; the next run completes it."""
    assert scene.world.line is not None  # noqa: S101  # the action is not ready without one
    lines = {"upstream": _upstream(scene).line, "the registry": scene.world.line}
    (repository, pushed), which = _pushed_upstream(scene), scene.chance.choice(sorted(lines))
    after, recovers = scene.chance.randrange(_MOST_BYTES), scene.chance.random() > _FOR_GOOD
    with lines[which].cut(after, recovers=recovers):
        report = mirror_repository(scene.world.stack, repository)
    if lasting := [f"{one.entry.name}: {why}" for one in report.results for why in one.failures.values() if not why.passes]:
        raise FindingError(f"a line that was cut counts as a lasting failure: {lasting[0]}")
    _settled(scene, repository)
    told = "; ".join(f"{one.state}: {one.why}" for one in report.results if one.state not in _WELL) or "it went well all the same"
    cut = f"the line to {which} was cut after {after} bytes{', for a moment' if recovers else ''}"
    return f"{pushed}; {cut}: {told}; then {_mirrored(scene, repository)}"


def kill_sync(scene: Scene) -> str:
    """Kill a run of the mirror when it has looked, or when it has copied something: the next one completes it."""
    (repository, pushed), step = _pushed_upstream(scene), scene.chance.choice(STEPS["sync"])
    killed(scene, "sync", step, repository)
    _settled(scene, repository)
    return f"{pushed}; killed at {step}; then {_mirrored(scene, repository)}"


def _settled(scene: Scene, repository: str) -> None:
    """Each tag is what it was, or what it is upstream, and whole."""
    for tag, digest in _there(scene, repository).items():
        scene.settle(repository, tag, digest)
        if scene.model.tags.get((repository, tag)) == digest and not scene.model.unsure:
            scene.found(scene.client.wrong(repository, tag, digest, scene.model.shapes))


def _pushed_upstream(scene: Scene) -> tuple[str, str]:
    """Push an image or an index to a repository upstream."""
    repository, tag = scene.repository(), scene.chance.choice(TAGS)
    image = scene.chance.choice((scene.image, scene.index))()
    scene.expect(_upstream(scene).client.push(repository, tag, image), HTTPStatus.CREATED)
    scene.model.upstream[repository, tag] = image.digest
    return repository, f"{repository}:{tag} is {image.digest[:19]} upstream"


def _mirrored(scene: Scene, repository: str) -> str:
    report = mirror_repository(scene.world.stack, repository)
    scene.found([f"{one.entry.name} is {one.state}: {one.why}" for one in report.results if one.state not in _WELL])
    there = _there(scene, repository)
    differing = [tag for tag, digest in there.items() if scene.model.tags.get((repository, tag)) != digest]
    copied = [tag for one in report.results for tag in one.copied]
    if set(copied) - set(differing):
        raise FindingError(f"{copied} were copied, and only {differing} differ")
    for tag, digest in there.items():
        if (now := scene.client.digest(repository, tag)) != digest:
            raise FindingError(f"{repository}:{tag} is {digest} upstream, and {now or 'nothing'} after a run that went well")
        scene.model.pushed(repository, digest, tag)
    return f"{len(copied)} tags copied"


def mirror_repository(stack: Stack, repository: str, tell: Callable[[str], None] = lambda _: None) -> SyncReport:
    """Mirror a repository, whether it is due or not, without trying again what may pass.

    Args:
        stack: The stack of a rehearsal.
        repository: The repository here.
        tell: Told how far it has come.

    Raises:
        FindingError: There is no result of it.
    """
    with mirror_of(stack) as mirror:
        entries = [one for one in mirror.entries if one.repository == repository]
        report = mirror_entries(replace(mirror, pauses_s=()), entries, force=True, tell=tell, asking=_asking)
    if len(report.results) != 1:
        raise FindingError(f"a run for {repository} has {len(report.results)} results")
    return report


@contextlib.contextmanager
def _asking(stack: Stack) -> Iterator[Ask]:
    """Yield what asks for a tag. The registry wants no account, unlike one behind its edge."""
    with contextlib.closing(Client(stack.config.url)) as client:
        yield client.look


def _there(scene: Scene, repository: str) -> dict[str, str]:
    return {tag: digest for (name, tag), digest in scene.model.upstream.items() if name == repository}


def _upstream(scene: Scene) -> Upstream:
    assert scene.world.upstream is not None  # noqa: S101  # the action is not ready without one
    return scene.world.upstream
