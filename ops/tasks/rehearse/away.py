"""What a registry needs of others is away in a rehearsal: the network, the cache, the backups' server, who takes messages."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import NoReturn

from ops.backups.errors import BackupUnreachableError
from ops.core import exit_codes
from ops.notify.notifier import Notifier
from ops.registry.transport import UnreachableError
from ops.runs.task import Outcome, run_task
from ops.tasks.backup.run import back_up
from ops.tasks.gc.collection import TASK
from ops.tasks.gc.model import RefusedError
from ops.tasks.rehearse.backing_up import backup
from ops.tasks.rehearse.cache import CacheAwayError
from ops.tasks.rehearse.client import Client
from ops.tasks.rehearse.images import Image
from ops.tasks.rehearse.pushing import push
from ops.tasks.rehearse.scene import TAGS, FindingError, Scene
from ops.tasks.rehearse.tasks import collect
from ops.tasks.rehearse.world import CacheServer, collection_of

# Of what a small image sends.
_MOST_BYTES = 12_000
# To connect with SSH takes about as many, and a backup of some images. In its midst restic tries again for a minute.
_TO_CONNECT, _A_BACKUP, _HALF_WAY = 8_000, 60_000, 0.1


def cut_push(scene: Scene) -> str:
    """Cut the line between a client and the registry: the tag is what it was or the new image, and the same push completes it."""
    line = scene.world.line
    assert line is not None  # noqa: S101  # the action is not ready without one
    repository, tag, image = scene.repository(), scene.chance.choice(TAGS), scene.chance.choice((scene.image, scene.index))()
    after = scene.chance.randrange(_MOST_BYTES)
    with line.cut(after), contextlib.closing(Client(f"http://{line.address}")) as client:
        try:
            pushed = client.push(repository, tag, image).status == HTTPStatus.CREATED
        except UnreachableError:
            pushed = False
    before, now = scene.model.tags.get((repository, tag), ""), scene.client.digest(repository, tag)
    if now not in ({image.digest} if pushed else {before, image.digest}):
        raise FindingError(
            f"{repository}:{tag} was {before or 'nothing'} and is {now or 'nothing'} after a push that was cut off"
        )
    # What was sent last may still be under way. Sent again, it makes no difference when it comes in.
    scene.expect(scene.client.push(repository, tag, image), HTTPStatus.CREATED)
    scene.model.pushed(repository, image.digest, tag)
    return f"{repository}:{tag} after {after} bytes: it {'came' if now == image.digest else 'did not come'} in; pushed again"


def cache_away(scene: Scene) -> str:
    """Kill the cache: clients push and pull as before, a collection says that it cannot, and all goes on when it is back."""
    with _without(scene.world.cache):
        told = [push(scene), _manifest_deleted(scene)]
        repository, tag = scene.chance.choice(scene.model.whole_tags() or [("", "")])
        if tag:
            scene.found(scene.client.wrong(repository, tag, scene.model.tags[repository, tag], scene.model.shapes))
        told.append(f"a collection {_refused(scene)}")
    return "; ".join(told)


def _manifest_deleted(scene: Scene) -> str:
    """Delete a manifest. Without its cache, which might go on saying that it is there, the registry refuses, and keeps all."""
    repository, image = _pushed_as_garbage(scene)
    answer = scene.client.delete(repository, image.digest)
    scene.expect(answer, HTTPStatus.ACCEPTED, HTTPStatus.INTERNAL_SERVER_ERROR)
    if answer.status == HTTPStatus.ACCEPTED:
        scene.model.deleted(repository, image.digest)
    return f"{repository}@{image.digest[:19]}, to be deleted, was answered {answer.status}"


def _refused(scene: Scene) -> str:
    """Collect, while the cache is away: it says why not, and does nothing."""
    try:
        collection_of(scene.world.live()).run()
    except CacheAwayError as error:
        return f"refused: {error}"
    raise FindingError("a collection went well, although the cache could not be told")


def _pushed_as_garbage(scene: Scene) -> tuple[str, Image]:
    """Push an image without a tag, so that there is something to collect."""
    repository, image = scene.repository(), scene.image()
    scene.expect(scene.client.push(repository, image.digest, image), HTTPStatus.CREATED)
    scene.model.pushed(repository, image.digest)
    return repository, image


@contextlib.contextmanager
def _without(cache: CacheServer | None) -> Iterator[None]:
    assert cache is not None  # noqa: S101  # the action is not ready without one
    cache.kill()
    try:
        yield
    finally:
        cache.start()


def box_away(scene: Scene) -> str:
    """Cut the line to the backups' server, while somebody connects or half way: a backup says so, and the next is whole."""
    box = scene.world.box
    assert box is not None  # noqa: S101  # the action is not ready without one
    after = scene.chance.randrange(_A_BACKUP if scene.chance.random() < _HALF_WAY else _TO_CONNECT)
    told, stack = "it was made before that", scene.world.stack
    with box.cut(after):
        try:
            report = back_up(stack, lambda _: None)
        except BackupUnreachableError as error:
            told = str(error)
        else:
            if report.is_new:
                scene.model.backups[report.name] = scene.model.moment()
    return f"after {after} bytes: {told}; then {backup(scene)}"


def receiver_away(scene: Scene) -> str:
    """Let a collection refuse while nobody takes messages: it says why, and that is told once somebody does."""
    receiver, stack = scene.world.receiver, scene.world.stack
    assert receiver is not None  # noqa: S101  # the action is not ready without one
    notifier, before = Notifier(stack), len(receiver.titles())
    _pushed_as_garbage(scene)

    def refuse() -> NoReturn:
        collection_of(scene.world.live(), max_share=0.0).run()
        raise FindingError("a collection removed more than it may")

    with receiver.line.cut():
        try:
            run_task(stack, TASK, refuse)
        except RefusedError:
            scene.model.roll_back()
        waiting = notifier.send(at_once=True)
        if not waiting or not all(one.pending and one.problem and not one.sent for one in waiting.values()):
            raise FindingError(f"nobody takes messages, and {waiting} is said of them")
    told = run_task(stack, TASK, lambda: Outcome(exit_codes.OK, collect(scene))).summary
    notifier.send(at_once=True)
    if (titles := receiver.titles()[before:]) != [f"{TASK} failed", f"Resolved: {TASK} failed"]:
        raise FindingError(f"messages that waited came as {titles}")
    return f"a collection refused, and then {told}; both were told when somebody took messages again"
