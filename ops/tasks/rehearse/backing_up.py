"""Backups in a rehearsal: made, killed, and restored from."""

from __future__ import annotations

from ops.registry.restore.model import RestoreScope
from ops.tasks.backup.run import back_up
from ops.tasks.rehearse.scene import FindingError, Scene
from ops.tasks.rehearse.tasks import killed
from ops.tasks.rehearse.undoing import back
from ops.tasks.rehearse.victim import STEPS
from ops.tasks.restore.run import Chosen, restore_from, source_of


def backup(scene: Scene) -> str:
    """Back up."""
    report = back_up(scene.world.stack, lambda _: None)
    scene.found([f"{digest}: {why}" for digest, why in report.damaged.items()])
    scene.found(report.unclear)
    if report.tags != len(scene.model.tags):
        raise FindingError(f"backup {report.name} has {report.tags} tags, and there are {len(scene.model.tags)}")
    if report.is_new:
        scene.model.backups[report.name] = scene.model.moment()
    return report.name


def kill_backup(scene: Scene) -> str:
    """Kill a backup at any step; the next one is whole."""
    step = scene.chance.choice(STEPS["backup"])
    killed(scene, "backup", step)
    return f"when it came to {step}; then {backup(scene)}"


def restore_one(scene: Scene) -> str:
    """Restore one tag from a backup."""
    name = scene.chance.choice(sorted(name for name, one in scene.model.backups.items() if one.tags))
    then = scene.model.backups[name]
    repository, tag = scene.chance.choice(sorted(then.tags))
    scope = RestoreScope(repository, tag, overwrite=True)
    done = restore_from(source_of(scene.world.stack, Chosen(name), scope), scene.world.live(), scope, lambda _: None)
    scene.found([f"{one} is damaged in backup {name}" for one in done.damaged])
    back(scene, then, done.report, repository, tag)
    return f"{repository}:{tag} from {name}, {done.fetched} blobs fetched"
