"""`regops undo`: shows the snapshots, and gives back what they hold."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.shared import STORAGE, Json, Wait, end_with, print_json, print_table, say, size, stack_of
from ops.core import exit_codes

if TYPE_CHECKING:
    from ops.registry.snapshots.store import SnapshotStore
    from ops.runs.task import Outcome
    from ops.stack.stack import Stack
    from ops.tasks.snapshot.plan import RestorePlan, RestoreScope

EXAMPLES = """\
Examples: `regops undo` · `regops undo restore latest --dry-run` · `regops undo restore latest team/app:v1` ·
`regops undo forget 20261125T040000.000000Z-gc`
"""
_LATEST, _BY_HAND = "latest", "kept"

undo = typer.Typer(invoke_without_command=True, epilog=EXAMPLES, rich_markup_mode=None)


@undo.callback()
def show(context: typer.Context, *, as_json: Json = False) -> None:
    """Show the snapshots, what each was made for, and the room that they take."""
    if context.invoked_subcommand is not None:
        return
    store = _store(stack_of(context))
    found, space = store.all(), store.space()
    if as_json:
        rows = [
            {
                "name": one.name,
                "made_at": one.made_at.isoformat(),
                "why": one.why,
                "state": one.state,
                "image": one.image,
                "removed_files": len(one.removed()),
                "bytes": space.alone[one.name],
            }
            for one in found
        ]
        print_json({"snapshots": rows, "bytes": space.total})
        return
    print_table(
        ["snapshot", "made at", "for", "state", "frees"],
        [(one.name, f"{one.made_at:%Y-%m-%d %H:%M}Z", one.why, one.state, size(space.alone[one.name])) for one in found],
    )
    say(f"all of them hold {size(space.total)}")


@undo.command(epilog="Examples: `regops undo restore latest` · `regops undo restore latest team/app:v1 --dry-run`")
def restore(
    context: typer.Context,
    snapshot: Annotated[str, typer.Argument(help="Its name, or `latest`.")],
    what: Annotated[str, typer.Argument(metavar="[REPOSITORY[:TAG]]", help="Only this one.")] = "",
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also what others than the collector removed.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Set tags back that name something else now.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would come back.")] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Give back what a snapshot holds: what the collector removed, a repository, a tag, or all.

    Tags that name something else now stay so, unless --overwrite is given; then a snapshot of now is made first.
    """
    from ops.tasks.snapshot.plan import RestoreScope

    stack = stack_of(context)
    repository, _, tag = what.partition(":")
    # Whoever names a repository or a tag wants all of it, whoever removed it.
    scope = RestoreScope(repository, tag, only_removed=not (what or everything), overwrite=overwrite)

    def work() -> Outcome:
        return _restore(stack, snapshot, scope, dry_run=dry_run, as_json=as_json)

    end_with(stack, "undo", work, lock=STORAGE, wait_s=wait, routine=dry_run)


@undo.command(epilog="Examples: `regops undo take` · `regops undo take --wait 600`")
def take(context: typer.Context, *, wait: Wait = 0.0, as_json: Json = False) -> None:
    """Make a snapshot now, so that what is deleted or overwritten later can be given back; the oldest ones go."""
    stack = stack_of(context)
    end_with(stack, "snapshot", lambda: _take(stack, as_json=as_json), lock=STORAGE, wait_s=wait, routine=True)


@undo.command(epilog="Examples: `regops undo forget 20261125T040000.000000Z-gc`")
def forget(
    context: typer.Context,
    snapshot: Annotated[str, typer.Argument(help="Its name.")],
    *,
    as_json: Json = False,
) -> None:
    """Remove a snapshot: what it alone held is gone for good, and its room is free."""
    store = _store(stack_of(context))
    with store.locked("undo"):
        freed = store.space().alone.get(snapshot, 0)
        store.remove(snapshot)
    if as_json:
        print_json({"removed": snapshot, "bytes": freed})
    else:
        say(f"{snapshot} is gone; {size(freed)} are free")


def _take(stack: Stack, *, as_json: bool) -> Outcome:
    from datetime import timedelta

    from ops.registry.snapshots.recovery import roll_back
    from ops.runs.task import Outcome
    from ops.stack.registry import live_registry

    live = live_registry(stack)
    with live.store.locked("undo"):
        roll_back(live, "undo")
        made = live.store.create(_BY_HAND)
        old = live.store.drop_expired(keep=stack.config.undo.snapshots, max_age=timedelta(days=stack.config.undo.days))
        held = live.store.space().total
    if as_json:
        print_json({"snapshot": made.name, "removed": old, "bytes": held})
    else:
        say(f"`regops undo restore {made.name} REPOSITORY:TAG` gives back what goes from now on; snapshots hold {size(held)}")
    return Outcome(0, f"{made.name} was made", {"bytes": held})


def _restore(stack: Stack, name: str, scope: RestoreScope, *, dry_run: bool, as_json: bool) -> Outcome:
    from ops.runs.task import Outcome
    from ops.stack.registry import live_registry
    from ops.tasks.snapshot.plan import RestoreError
    from ops.tasks.snapshot.plan import plan as plan_of
    from ops.tasks.snapshot.run import restore as run_restore

    live = live_registry(stack)
    if name == _LATEST:
        found = live.store.all()
        if not found:
            raise RestoreError("there are no snapshots yet: `regops undo take` makes one")
        name = found[-1].name
    if dry_run:
        plan = plan_of(live.tree, live.store.get(name), scope)
        print_json({"plan": _document(plan)}) if as_json else _show(plan)
        return Outcome(0, f"{plan.missing} files would come back")
    report = run_restore(live, name, scope)
    if as_json:
        document = asdict(report)
        document["plan"] = _document(report.plan)
        print_json({"report": document})
    else:
        _show(report.plan)
        for problem in report.problems:
            say(f"problem: {problem}")
        if report.before:
            say(f"`regops undo restore {report.before} --all --overwrite` takes this back")
    summary = f"{report.restored} files came back from {name}"
    return Outcome(exit_codes.MISMATCH if report.problems else exit_codes.OK, report.problems[0] if report.problems else summary)


def _show(plan: RestorePlan) -> None:
    say(f"{plan.missing} files that are missing come back, {size(plan.size)}, with {len(plan.tags)} tags")
    for one in plan.overwritten:
        say(f"set back: {one.repository}:{one.tag} from {one.now} to {one.then}")
    for one in plan.differing:
        say(f"stays: {one.repository}:{one.tag} names {one.now} now, and {one.then} then; --overwrite sets it back")


def _document(plan: RestorePlan) -> dict[str, object]:
    """Return a plan without its list of files, of which there may be many thousands."""
    return {key: value for key, value in asdict(plan).items() if key != "files"} | {"files": len(plan.files)}


def _store(stack: Stack) -> SnapshotStore:
    from ops.registry.snapshots.store import SnapshotStore
    from ops.stack.registry import tree_of

    return SnapshotStore(stack.root / stack.config.snapshots, tree_of(stack))
