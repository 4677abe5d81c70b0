"""Collections and snapshots in a rehearsal, in good order and killed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from ops.core.process import Completed
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
    how, collects = f"with its clock at {offset}", offset.startswith("+")
    return _elsewhere(scene, task, how, lambda: scene.world.apart(task, clock=offset), collects=collects)


def version_before(scene: Scene) -> str:
    """Let the version before collect, or make a snapshot or a backup, as before an upgrade, or on the way back after one."""
    before, task = scene.world.before, scene.chance.choice(("gc", "snapshot", "backup"))
    assert before is not None  # noqa: S101  # the action is not ready without one
    half = set(scene.model.half)
    told = _elsewhere(scene, task, "as the version before does it", lambda: before(task), collects=True)
    scene.model.half |= half  # which it left
    return told


def from_the_future(scene: Scene) -> bool:
    """Whether there is a snapshot that a clock ahead has made: the version before makes new ones that come before it."""
    return max((one.made_at for one in scene.world.live().store.all()), default=datetime.min.replace(tzinfo=UTC)) > datetime.now(
        UTC
    )


def _elsewhere(scene: Scene, task: str, how: str, do: Callable[[], Completed], *, collects: bool) -> str:
    """Let a process of its own collect, or make a snapshot or a backup.

    Args:
        scene: Where.
        task: `gc`, `snapshot` or `backup`.
        how: How it does that.
        do: Does it.
        collects: Whether a collection finds nothing too young to go.
    """
    before, known = _begun(scene), [one.name for one in scene.world.live().store.all()]
    done = do()
    if done.returncode:
        raise FindingError(f"{task} {how} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    now = [one.name for one in scene.world.live().store.all()]
    made = [one for one in now if one not in known]
    if task == "gc" and collects:
        scene.model.collect(before, made[-1] if made else "")
        scene.check_collected()
    elif task == "snapshot":
        scene.model.snapshots |= {one: scene.model.moment() for one in made}
    elif task == "backup" and (name := done.stdout.strip()):
        scene.model.backups[name] = scene.model.moment()
    _forget(scene, [one for one in known if one not in now])
    return f"{task} {how}: {', '.join(made) or done.stdout.strip() or 'nothing'}"


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
