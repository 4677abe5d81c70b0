"""Faults in a rehearsal: the registry is killed in the midst of a push, the disk has no room, somebody sets read-only mode."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http import HTTPStatus
from pathlib import Path

from ops.core import exit_codes
from ops.registry.read_only import ReadOnlyModeBusyError
from ops.registry.restore.model import RestoreScope
from ops.registry.restore.run import restore
from ops.registry.snapshots.trash import SnapshotError
from ops.registry.transport import UnreachableError
from ops.tasks.rehearse.client import Client
from ops.tasks.rehearse.images import Image
from ops.tasks.rehearse.scene import TAGS, FindingError, Scene
from ops.tasks.rehearse.tasks import collect

_CHUNKS = (1 << 16, 1 << 12, 1)
_FEW = 50_000


def kill_registry(scene: Scene) -> str:
    """Kill the registry between the layers of an image and its manifest."""
    repository, tag, image = scene.repository(), scene.chance.choice(TAGS), scene.image()
    failed = scene.client.push_content(repository, image)
    scene.world.restarted()
    scene.expect(failed or scene.client.put(repository, tag, image), HTTPStatus.CREATED)
    scene.model.pushed(repository, image.digest, tag)
    return f"before the manifest of {repository}:{tag}"


def kill_registry_at_once(scene: Scene) -> str:
    """Kill the registry when a manifest was sent and is not acknowledged: the tag is what it was, or the new image."""
    repository, tag, image = scene.repository(), scene.chance.choice(TAGS), scene.image()
    if failed := scene.client.push_content(repository, image):
        scene.expect(failed, HTTPStatus.CREATED)
    with contextlib.closing(scene.client.send(repository, tag, image)):
        scene.world.restarted()
    return f"while {repository}:{tag} was pushed: {scene.settle(repository, tag, image.digest)}"


def read_only_by_hand(scene: Scene) -> str:
    """Turn read-only mode on by hand: a restore refuses, and changes nothing."""
    now = scene.model.tags
    differing = [name for name, one in scene.model.snapshots.items() if any(now.get(tag) != to for tag, to in one.tags.items())]
    if not differing:
        return "no snapshot differs from what there is"
    file = scene.world.read_only_file
    file.write_text("")
    try:
        restore(scene.world.live(), scene.chance.choice(sorted(differing)), RestoreScope(overwrite=True))
    except ReadOnlyModeBusyError:
        return "a restore refused"
    finally:
        file.unlink(missing_ok=True)
    raise FindingError("a restore ran although somebody has turned on read-only mode by hand")


def full_disk(scene: Scene) -> str:
    """Fill the disk, and push and collect: what fails says so, what was there stays, and all goes on when there is room."""
    return _without_room(scene, _filled)


def full_inodes(scene: Scene) -> str:
    """Use up the inodes of the disk, and push and collect, as on a full disk."""
    return _without_room(scene, _used_up)


def _without_room(scene: Scene, taken: Callable[[Path], AbstractContextManager[None]]) -> str:
    disk = scene.world.disk
    assert disk is not None  # noqa: S101  # the action is not ready without one
    repository, tag, image = scene.repository(), scene.chance.choice(TAGS), scene.image()
    with taken(disk):
        pushed = _pushed(scene.client, repository, tag, image)
        told = scene.settle(repository, tag, image.digest)
        collected = _collected(scene)
    if pushed and scene.model.tags.get((repository, tag)) != image.digest:
        raise FindingError(f"{repository}:{tag} was acknowledged on a full disk, and is not there")
    return f"{repository}:{tag} was pushed, {told}; a collection {collected}"


def _pushed(client: Client, repository: str, tag: str, image: Image) -> bool:
    try:
        return client.push(repository, tag, image).status == HTTPStatus.CREATED
    except UnreachableError:
        return False


def _collected(scene: Scene) -> str:
    try:
        return collect(scene)
    except (SnapshotError, OSError) as error:
        if exit_codes.of(error) != exit_codes.NO_SPACE:
            raise
        scene.model.interrupt()
        return "found no space"


@contextlib.contextmanager
def _filled(disk: Path) -> Iterator[None]:
    """Leave no space on a disk while inside."""
    filler = disk / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            for size in _CHUNKS:
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass
        yield
    finally:
        filler.unlink(missing_ok=True)


@contextlib.contextmanager
def _used_up(disk: Path) -> Iterator[None]:
    """Leave no inodes on a disk while inside."""
    folder = disk / "fillers"
    folder.mkdir()
    try:
        with contextlib.suppress(OSError):
            for number in itertools.count():
                (folder / str(number)).touch()
        yield
    finally:
        shutil.rmtree(folder)


def has_few_inodes(disk: Path) -> bool:
    """Whether the inodes of a disk can be used up in a moment."""
    return 0 < os.statvfs(disk).f_favail < _FEW
