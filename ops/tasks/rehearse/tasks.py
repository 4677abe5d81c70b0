"""Collections and snapshots in a rehearsal, in good order and killed."""

from __future__ import annotations

import signal
from collections.abc import Iterable

from ops.registry.snapshots.store import SnapshotState
from ops.tasks.gc.model import GcReport
from ops.tasks.rehearse.model import Moment
from ops.tasks.rehearse.pushing import push, push_again
from ops.tasks.rehearse.scene import FindingError, Scene
from ops.tasks.rehearse.victim import STEPS
from ops.tasks.rehearse.world import collection_of, make_snapshot

_OFFSETS = ("-400d", "-3d", "-2h", "+2h", "+3d")
# Between these steps writes are not held.
_UNHELD = ("listed", "marked", "noted")


def collect(scene: Scene) -> str:
    """Collect garbage: exactly that goes which nothing references."""
    before = _begun(scene)
    return _collected(scene, before, collection_of(scene.world.live()).run())


def collect_meanwhile(scene: Scene) -> str:
    """Collect garbage while a client pushes, perhaps just that."""
    at, told = scene.chance.choice(_UNHELD), list[str]()
    before = _begun(scene)

    def meanwhile(step: str) -> None:
        if step == at:
            told.append((push_again if any(map(scene.model.is_whole, before.garbage & scene.model.manifests)) else push)(scene))

    report = collection_of(scene.world.live(meanwhile)).run()
    return f"{_collected(scene, before, report)}; when it had {at}: {told[0] if told else 'it had ended'}"


def kill_collection(scene: Scene) -> str:
    """Kill a collection at any step. What tags lead to stays whole, and the next task puts back all that it has removed."""
    step, known = scene.chance.choice(STEPS["gc"]), {one.name for one in scene.world.live().store.all()}
    before = _begun(scene)
    killed(scene, "gc", step)
    made = [one for one in scene.world.live().store.all() if one.name not in known]
    if any(one.state == SnapshotState.SWEEPING for one in made):
        scene.model.interrupt()
    elif made:
        scene.model.collect(before, made[-1].name)
    return f"when it came to {step}"


def snapshot(scene: Scene) -> str:
    """Make a snapshot, then delete the oldest ones, as each night does: all others can still be restored."""
    gone = make_snapshot(scene.world.live())
    scene.model.roll_back()
    made = scene.world.live().store.all()[-1].name
    scene.model.snapshots[made] = scene.model.moment()
    _forget(scene, gone)
    return f"{made}; {len(gone)} old ones were deleted"


def other_clock(scene: Scene) -> str:
    """Collect, or make a snapshot, while the clock is ahead or behind; where it is behind, everything is too young to go."""
    task, offset = scene.chance.choice(("gc", "snapshot")), scene.chance.choice(_OFFSETS)
    before, known = _begun(scene), [one.name for one in scene.world.live().store.all()]
    done = scene.world.apart(task, clock=offset)
    if done.returncode:
        raise FindingError(f"{task} with its clock at {offset} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    now = [one.name for one in scene.world.live().store.all()]
    made = [one for one in now if one not in known]
    if task == "gc" and offset.startswith("+"):
        scene.model.collect(before, made[-1] if made else "")
        scene.check_collected()
    elif task == "snapshot":
        scene.model.snapshots |= {one: scene.model.moment() for one in made}
    _forget(scene, [one for one in known if one not in now])
    return f"{task} with its clock at {offset}: {', '.join(made) or 'nothing'}"


def killed(scene: Scene, *words: str) -> None:
    """Run a task that is killed at a step, or ends in good order if it does not come to that.

    Raises:
        FindingError: It failed.
    """
    done = scene.world.apart(*words)
    if done.returncode not in {0, -signal.SIGKILL}:
        raise FindingError(
            f"{' '.join(words)} ended with {done.returncode} instead of being killed: {done.stderr.strip()[-300:]}"
        )


def _forget(scene: Scene, names: Iterable[str]) -> None:
    for name in names:
        scene.model.snapshots.pop(name, None)


def _begun(scene: Scene) -> Moment:
    """Return what there is when a collection begins: it puts back first what one that was killed has removed."""
    scene.model.roll_back()
    return scene.model.moment()


def _collected(scene: Scene, before: Moment, report: GcReport) -> str:
    scene.found(report.problems)
    scene.found(report.plan.unclear)
    if report.left:
        raise FindingError(f"{report.left} files were left, although nobody writes")
    scene.model.collect(before, report.snapshot)
    scene.check_collected()
    return f"removed {report.removed_blobs} blobs"
