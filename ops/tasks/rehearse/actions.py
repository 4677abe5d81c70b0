"""The actions of a rehearsal: how often each is chosen, and when it can be done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ops.tasks.rehearse.away import box_away, cache_away, cut_push, receiver_away
from ops.tasks.rehearse.backing_up import backup, kill_backup, restore_one
from ops.tasks.rehearse.faults import (
    full_disk,
    full_inodes,
    has_few_inodes,
    kill_registry,
    kill_registry_at_once,
    read_only_by_hand,
)
from ops.tasks.rehearse.mirroring import cut_sync, kill_sync, sync
from ops.tasks.rehearse.pushing import (
    delete_manifest,
    delete_tag,
    give_up,
    mount,
    push,
    push_again,
    push_index,
    push_referrer,
)
from ops.tasks.rehearse.scene import Scene
from ops.tasks.rehearse.tasks import (
    collect,
    collect_meanwhile,
    from_the_future,
    kill_collection,
    other_clock,
    snapshot,
    version_before,
)
from ops.tasks.rehearse.undoing import away, kill_restore, restore_repository, restore_tag, undo


def _always(_: Scene) -> bool:
    return True


def _tagged(scene: Scene) -> bool:
    return bool(scene.model.tags)


def _whole(scene: Scene) -> bool:
    return bool(scene.model.whole_tags())


def _there(scene: Scene) -> bool:
    return any(map(scene.model.is_whole, scene.model.manifests))


def _has_snapshot(scene: Scene) -> bool:
    return any(one.tags for one in scene.model.snapshots.values())


def _collected(scene: Scene) -> bool:
    return bool(away(scene.model))


def _can_back_up(scene: Scene) -> bool:
    return scene.world.backups


def _has_backup(scene: Scene) -> bool:
    return any(one.tags for one in scene.model.backups.values())


def _has_clocks(scene: Scene) -> bool:
    return scene.world.has_clocks


def _can_be_filled(scene: Scene) -> bool:
    return scene.world.disk is not None


def _has_few_inodes(scene: Scene) -> bool:
    return scene.world.disk is not None and has_few_inodes(scene.world.disk)


def _has_line(scene: Scene) -> bool:
    return scene.world.line is not None


def _can_mirror(scene: Scene) -> bool:
    # A mirror waits as long as a task that was killed may have held writes.
    return scene.world.upstream is not None and not scene.world.read_only_file.exists()


def _can_be_cut(scene: Scene) -> bool:
    return _can_mirror(scene) and _has_line(scene)


def _has_cache(scene: Scene) -> bool:
    return scene.world.cache is not None


def _has_box(scene: Scene) -> bool:
    return scene.world.box is not None


def _has_receiver(scene: Scene) -> bool:
    return scene.world.receiver is not None


def _has_version_before(scene: Scene) -> bool:
    # That one came to grief with clocks that were ahead, and with tags that were deleted after a collection was killed.
    return scene.world.before is not None and not scene.model.interrupted and not from_the_future(scene)


@dataclass(frozen=True)
class Action:
    """Something that may happen.

    Attributes:
        name: Its name.
        weight: How often it is chosen, compared with the others.
        do: Does it, checks what it can, and tells the model; returns what it did, in a line.
        ready: Whether it can be done now.
        is_fault: Whether all is checked after it.
    """

    name: str
    weight: int
    do: Callable[[Scene], str]
    ready: Callable[[Scene], bool] = _always
    is_fault: bool = False


ACTIONS = (
    Action("push", 300, push),
    Action("push-index", 80, push_index),
    Action("push-again", 80, push_again, _there),
    Action("mount", 80, mount, _whole),
    Action("push-referrer", 50, push_referrer, _whole),
    Action("give-up", 40, give_up),
    Action("delete-tag", 120, delete_tag, _tagged),
    Action("delete-manifest", 80, delete_manifest, _tagged),
    Action("collect", 80, collect),
    Action("collect-meanwhile", 40, collect_meanwhile),
    Action("kill-collection", 15, kill_collection, is_fault=True),
    Action("snapshot", 50, snapshot),
    Action("other-clock", 10, other_clock, _has_clocks),
    Action("undo", 60, undo, _collected),
    Action("restore-tag", 50, restore_tag, _has_snapshot),
    Action("restore-repository", 30, restore_repository, _has_snapshot),
    Action("kill-restore", 8, kill_restore, _has_snapshot, is_fault=True),
    Action("backup", 12, backup, _can_back_up),
    Action("kill-backup", 3, kill_backup, _can_back_up, is_fault=True),
    Action("restore-one", 12, restore_one, _has_backup),
    Action("kill-registry", 8, kill_registry, is_fault=True),
    Action("kill-registry-at-once", 8, kill_registry_at_once, is_fault=True),
    Action("read-only-by-hand", 8, read_only_by_hand, _has_snapshot),
    Action("full-disk", 8, full_disk, _can_be_filled, is_fault=True),
    Action("full-inodes", 8, full_inodes, _has_few_inodes, is_fault=True),
    Action("sync", 15, sync, _can_mirror),
    Action("cut-sync", 6, cut_sync, _can_be_cut),
    Action("kill-sync", 3, kill_sync, _can_mirror),
    Action("cut-push", 15, cut_push, _has_line),
    Action("cache-away", 6, cache_away, _has_cache, is_fault=True),
    Action("box-away", 4, box_away, _has_box),
    Action("receiver-away", 6, receiver_away, _has_receiver),
    Action("version-before", 6, version_before, _has_version_before, is_fault=True),
)
