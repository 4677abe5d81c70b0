"""`regops restore`: restores from a backup, into the running registry or to a folder."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ops.backups.repository import LATEST
from ops.cli.printing import print_json, size, when
from ops.cli.say import say
from ops.cli.shared import STORAGE, Expect, Json, Wait, end_with, stack_of
from ops.core import exit_codes
from ops.core.time_expressions import moment
from ops.registry.restore.model import RestoreScope
from ops.runs.task import Outcome
from ops.stack.budget import Allowed
from ops.stack.stack import Stack
from ops.tasks.restore.run import Chosen, FromBackup, preview, restore, restore_to
from ops.tasks.restore.state import StateRestored, restore_state

EXAMPLES = """\
Examples: `regops restore --dry-run` · `regops restore team/app:v1` · `regops restore team/app:v1 --at 7d --overwrite` ·
`regops restore --backup 1a2b3c4d --to /tmp/registry` · `regops restore --state data/grafana --at 7d`
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("restore", epilog=EXAMPLES)
def restore_(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="REPOSITORY[:TAG|@DIGEST]", help="Only this; without it, everything.")] = "",
    *,
    backup: Annotated[str, typer.Option("--backup", metavar="BACKUP", help="Which backup.")] = LATEST,
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="The last one from before a time: 2026-03-01, 7d.")] = "",
    to: Annotated[Path | None, typer.Option("--to", metavar="FOLDER", help="Restore to a folder, not into the registry.")] = None,
    state: Annotated[str, typer.Option("--state", metavar="PATH", help="Instead: what a service keeps, as data/grafana.")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Also set back tags that point to something else now.")] = False,
    expect: Expect = "",
    allow: Annotated[list[Allowed], typer.Option(help="Override this safety check.")] = [],  # noqa: B006
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be restored.")] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Restore from a backup.

    What the registry lacks comes back: everything, a repository, a tag, or a manifest. A tag that points to something else now
    stays as it is, unless --overwrite is given; then a snapshot of the present state is made first. Pulls keep working; writes
    wait while links are written. Each blob is compared with its digest before it is used. A restore that was interrupted goes on
    where it was. If writes would be refused for longer than the error budget has left, it only starts with --allow budget.
    `regops snapshot restore` is quicker for what was deleted in the last days.

    With --state, what a service keeps comes back instead, with all its files as they were: containers that use it are stopped
    meanwhile, and the state before is kept aside. Secrets, settings and what tasks keep are restored to a folder only.
    """
    if at and backup != LATEST:
        raise typer.BadParameter("names a time, and --backup names a backup; give one of them", param_hint="--at")
    if state and (what or overwrite or expect):
        raise typer.BadParameter("stands alone: it is restored as a whole", param_hint="--state")
    stack, scope = stack_of(context), RestoreScope.of(what, everything=True, overwrite=overwrite, expect=expect)
    chosen = Chosen(backup, _time(at) if at else None)

    def work() -> Outcome:
        if state:
            return _of_state(restore_state(stack, chosen, state, say, to=to, dry_run=dry_run), as_json=as_json, dry_run=dry_run)
        if dry_run:
            return _preview(stack, chosen, scope, as_json=as_json)
        if to:
            return _show(restore_to(stack, chosen, scope, to, _tell_fetching), as_json=as_json)
        return _show(restore(stack, chosen, scope, _tell_fetching, allow), as_json=as_json)

    end_with(stack, "restore-plan" if dry_run else "restore", work, lock=STORAGE, wait_s=wait, routine=dry_run)


def _time(text: str) -> datetime:
    try:
        return moment(text, datetime.now().astimezone())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--at") from error


def _tell_fetching(blobs: int) -> None:
    say(f"fetching {blobs} blobs from the backup …")


def _preview(stack: Stack, chosen: Chosen, scope: RestoreScope, *, as_json: bool) -> Outcome:
    plan = preview(stack, chosen, scope)
    made = when(plan.backup.made_at)
    if as_json:
        print_json({"plan": asdict(plan) | {"backup": plan.backup.name, "made_at": plan.backup.made_at.isoformat()}})
    else:
        blobs = "the blobs that they need" if plan.blobs is None else f"{plan.blobs} blobs"
        say(f"would restore from {plan.backup.name}, made {made}: {len(plan.missing)} missing tags, and {blobs}")
        for tag in plan.missing:
            say(f"missing: {tag}")
        for tag in plan.differing:
            say(f"{'would be set back' if scope.overwrite else 'stays as it is, without --overwrite'}: {tag}")
    return Outcome(exit_codes.OK, f"{len(plan.missing)} tags would be restored")


def _of_state(done: StateRestored, *, as_json: bool, dry_run: bool) -> Outcome:
    if as_json:
        print_json({"state": asdict(done)})
    elif dry_run:
        say(f"would restore {done.files} files of {done.path} from backup {done.backup} to {done.where}")
    else:
        say(done.summary)
    return Outcome(exit_codes.OK, done.summary)


def _show(done: FromBackup, *, as_json: bool) -> Outcome:
    plan = done.report.plan
    if as_json:
        print_json(
            {
                "backup": done.backup.name,
                "restored_files": done.report.restored,
                "tags": plan.tags,
                "fetched_blobs": done.fetched,
                "damaged_blobs": done.damaged,
                "incomplete": plan.incomplete,
                "before": done.report.before,
            }
        )
    else:
        say(f"{done.summary}; {len(plan.tags)} tags, {size(plan.size)}")
        for image in plan.incomplete:
            say(f"cannot be restored: {image}; the backup lacks a blob that it needs")
        for one in plan.differing:
            say(f"unchanged: {one.repository}:{one.tag} is {one.now} now and was {one.then}; --overwrite sets it back")
        if done.report.before:
            say(f"`regops snapshot restore {done.report.before} --all --overwrite` reverts this")
    return Outcome(done.exit_code, done.summary)
