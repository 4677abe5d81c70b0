"""What brings things back in a rehearsal: undo, a snapshot, one tag of it; in good order and killed."""

from __future__ import annotations

from dataclasses import replace

from ops.registry.restore.model import RestoreReport, RestoreScope
from ops.registry.restore.plan import LATEST
from ops.registry.restore.run import restore
from ops.tasks.rehearse.model import Model, Moment, Place
from ops.tasks.rehearse.scene import FindingError, Scene
from ops.tasks.rehearse.tasks import killed
from ops.tasks.rehearse.victim import STEPS


def away(model: Model) -> list[str]:
    """Return the snapshots of collections whose manifests are away, and stay so when a killed collection is rolled back."""
    return sorted(name for name, one in model.snapshots.items() if one.removed - model.manifests - model.maybe)


def undo(scene: Scene) -> str:
    """Bring back what the latest collection has removed of which something is away."""
    latest = away(scene.model)[-1]
    report = restore(scene.world.live(), LATEST, RestoreScope.of(""))
    scene.model.roll_back()
    if report.plan.snapshot < latest:
        raise FindingError(f"undo chose {report.plan.snapshot}, although {latest} is later")
    if known := scene.model.snapshots.get(report.plan.snapshot):
        scene.model.undo(known)
    restored(scene, report)
    return report.plan.snapshot


def restore_tag(scene: Scene) -> str:
    """Set one tag back to what it was in a snapshot."""
    name, (repository, tag) = _chosen(scene)
    report = restore(scene.world.live(), name, RestoreScope(repository, tag, overwrite=True))
    back(scene, scene.model.snapshots[name], report, repository, tag)
    return f"{repository}:{tag} from {name}"


def restore_repository(scene: Scene) -> str:
    """Set a whole repository back, or all of them; tags that are newer stay."""
    name, (repository, _) = _chosen(scene)
    repository = scene.chance.choice((repository, repository, ""))
    report = restore(scene.world.live(), name, RestoreScope(repository, overwrite=True))
    back(scene, scene.model.snapshots[name], report, repository)
    return f"{repository or 'everything'} from {name}"


def kill_restore(scene: Scene) -> str:
    """Kill a restore at any step: each tag is what it was or what it will be, and the same restore completes it."""
    name, (repository, _) = _chosen(scene)
    step, then = scene.chance.choice(STEPS["restore"]), scene.model.snapshots[name]
    killed(scene, "restore", step, name, repository)
    scene.model.roll_back()
    for (one, tag), digest in sorted(then.tags.items()):
        now = scene.client.digest(one, tag)
        before = scene.model.tags.get((one, tag), "")
        if now not in {before, digest if one == repository else before}:
            raise FindingError(
                f"{one}:{tag} was {before or 'nothing'} and is {now or 'nothing'} after a killed restore of {digest}"
            )
        if now:
            scene.found(scene.client.wrong(one, tag, now, scene.model.shapes))
    report = restore(scene.world.live(), name, RestoreScope(repository, overwrite=True))
    back(scene, then, replace(report, before=""), repository)  # what was half restored is no moment to go back to
    return f"of {repository} from {name}, when it came to {step}"


def back(scene: Scene, then: Moment, report: RestoreReport, repository: str = "", tag: str = "") -> None:
    """Note what a restore has brought back, and what there was before it."""
    scene.model.roll_back()
    if report.before:
        scene.model.snapshots[report.before] = scene.model.moment()
    scene.model.restore(then, repository=repository, tag=tag)
    restored(scene, report)


def restored(scene: Scene, report: RestoreReport) -> None:
    """Check what a restore says of itself.

    Raises:
        FindingError: Something could not be brought back.
    """
    scene.found(report.problems)
    scene.found([f"{one} did not come back: a blob of it is nowhere" for one in report.plan.incomplete])


def _chosen(scene: Scene) -> tuple[str, Place]:
    """Choose a snapshot that has a tag, and one of its tags."""
    name = scene.chance.choice(sorted(name for name, one in scene.model.snapshots.items() if one.tags))
    return name, scene.chance.choice(sorted(scene.model.snapshots[name].tags))
