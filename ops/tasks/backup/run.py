"""One backup from beginning to end: the index first, its blobs second, the proof that nothing lacks, and then restic."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from ops.backups.errors import BackupError
from ops.backups.passwords import add_second_password
from ops.backups.repository import SUSPICIOUS, is_complete, is_good, notes, repository_of, stage_of, state_of
from ops.backups.stage import DESCRIPTION, INDEX, Moment, Stage, look, moment_of
from ops.backups.standing import Good, standing_of
from ops.backups.state import STATE, take_state
from ops.backups.told import Backup
from ops.core.clock import Clock
from ops.core.files import write_atomic
from ops.registry.index import Index, linked_blobs
from ops.registry.snapshots.store import SnapshotStore
from ops.stack.access_log import access_log_of, last_pulls
from ops.stack.places import tree_of
from ops.stack.stack import Stack
from ops.tasks.backup.model import BackupReport, Losses

_TASK = "backup"
SCHEMA = 1
# What a small registry loses in a day's work is no reason to worry.
_LEAST_LOST = 10

Step = Callable[[str], None]


def back_up(stack: Stack, step: Step, *, dry_run: bool = False) -> BackupReport:
    """Back up. Nobody has to wait for it: the registry goes on, and only tasks that delete something wait while blobs are linked.

    Args:
        stack: The stack.
        step: Called with the name of each step, for progress, and for tests that kill it there.
        dry_run: Whether only to say what would be in it; nothing is sent.

    Raises:
        BackupError: It failed; what was sent is not sent again by the next one.
        LockedError: A task that deletes something is at work.
        OSError: The disk is full, or something cannot be read.
    """
    clock = Clock()
    report = _back_up(stack, step, clock, dry_run=dry_run)
    if report.name and not report.suspicious and not dry_run:
        standing_of(stack).note_good(
            Good(report.name, clock.began, report.tags, report.blobs, report.size, report.added, sum(clock.seconds.values()))
        )
    return report


def _back_up(stack: Stack, step: Step, clock: Clock, *, dry_run: bool) -> BackupReport:
    backups = repository_of(stack)
    with clock.phase("connect"):
        before = backups.all(create=not dry_run)
        if not dry_run:
            add_second_password(stack, is_new=not before)
    step("connected")
    tree = tree_of(stack)
    store = SnapshotStore(stack.root / stack.config.snapshots, tree)
    last = next((one for one in reversed(before) if is_good(one)), None)
    with stage_of(stack).fresh() as stage:
        with store.locked(_TASK):  # so that what is listed is still there when it is linked
            with clock.phase("list"):
                listing, moment = look(store)
            pointers = stage.write_index(moment.index)
            step("listed")
            with clock.phase("state"):
                state, problems = take_state(stack.root, stage.folder / STATE)
            moment = replace(moment, unclear=[*moment.unclear, *problems])
            noted = f"{pointers[:32]}{state[:32]}"
            if before and state_of(before[-1]) == noted:
                return _report(before[-1], moment, clock, is_new=False)
            with clock.phase("compare"):
                losses = _losses(backups.index(last), moment) if last else Losses()
            suspicious = losses.share > stack.config.backup.max_loss and max(losses.tags, losses.blobs) >= _LEAST_LOST
            if dry_run:
                return _report(None, moment, clock, losses=losses, suspicious=suspicious)
            with clock.phase("link"):
                if gone := stage.take_blobs(tree, moment.blobs):  # of some blobs only the folder was there
                    moment = moment_of(replace(listing, blobs=listing.blobs.difference(gone)), tree)
        step("linked")
        _describe(stack, stage, moment)
        stage.note_pulls(last_pulls(access_log_of(stack)))
        with clock.phase("send"):
            noted_with = notes(noted, good=not suspicious, files=stage.files, before=before)
            after = before[-1].id if before else ""
            made = backups.restic.back_up(stage.folder, host=stack.config.stack, tags=noted_with, after=after)
        if not is_complete(made):
            raise BackupError(f"backup {made.name} is incomplete: something has removed files of {stage.folder}; run it again")
        backups.keep_index(made, stage.folder / INDEX)
    step("sent")
    return _report(made, moment, clock, losses=losses, suspicious=suspicious)


def _losses(before: Index, now: Moment) -> Losses:
    tags = {(name, tag) for name, one in before.items() for tag in one.tags}
    lost = sum(name not in now.index or tag not in now.index[name].tags for name, tag in tags)
    blobs = linked_blobs(before.values())
    gone = len(blobs - now.blobs)
    return Losses(lost, gone, lost / (len(tags) or 1), gone / (len(blobs) or 1))


def _describe(stack: Stack, stage: Stage, moment: Moment) -> None:
    document = {
        "schema": SCHEMA,
        "stack": stack.config.stack,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "release": stack.current.resolve().name,
        "images": dict(stack.config.images),
        "repositories": len(moment.index),
        "tags": moment.tags,
        "blobs": len(moment.blobs),
        "damaged": dict(moment.damaged),
        "unclear": list(moment.unclear),
    }
    write_atomic(stage.folder / DESCRIPTION, json.dumps(document, indent=1) + "\n", mode=0o600)


def _report(
    made: Backup | None,
    moment: Moment,
    clock: Clock,
    *,
    is_new: bool = True,
    losses: Losses = Losses(),  # noqa: B008  # immutable
    suspicious: bool = False,
) -> BackupReport:
    return BackupReport(
        name=made.name if made else "",
        is_new=is_new,
        tags=moment.tags,
        blobs=len(moment.blobs),
        size=made.size if made else 0,
        added=made.added if made and is_new else 0,
        damaged=moment.damaged,
        unclear=moment.unclear,
        losses=losses,
        suspicious=suspicious or (made is not None and SUSPICIOUS in made.tags),
        seconds=clock.seconds,
    )
