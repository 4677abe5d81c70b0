"""`regops gc`: deletes blobs that no tag references, while pulls keep working and writes wait for moments."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ops.cli.printing import print_json, size
from ops.cli.say import say, telling
from ops.cli.shared import STORAGE, Json, Wait, end_with, stack_of
from ops.cli.tables import print_table
from ops.core.findings import and_more
from ops.runs.task import Outcome
from ops.stack.stack import Stack
from ops.tasks.gc.model import GcOptions, Plan, Refusal
from ops.tasks.gc.run import Collected, collect, preview, preview_outcome, recover

EXAMPLES = """\
Examples: `regops gc --dry-run` · `regops gc` · `regops gc --allow share` · `regops gc --keep-untagged --json` ·
`regops gc --recover`
"""
_SHOWN = 15
_PREVIEW_STEPS = {"listed": "listed the tree; looking for blobs that nothing references …"}
_RECOVERY_STEPS = {"read-only-on": "writes wait …"}
_STEPS = {
    **_PREVIEW_STEPS,
    "noted": "found them; deleting them bit by bit, and writes go on in between …",
    "done": "deleted; reading some images in full …",
}

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EXAMPLES)
def gc(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be deleted.")] = False,
    keep_untagged: Annotated[bool, typer.Option("--keep-untagged", help="Keep manifests that have no tag.")] = False,
    no_undo: Annotated[bool, typer.Option("--no-undo", help="Keep no snapshot, so that the space is free at once.")] = False,
    allow: Annotated[list[Refusal], typer.Option(help="Override this safety check.")] = [],  # noqa: B006
    recovery: Annotated[bool, typer.Option("--recover", help="Only clean up after a collection that was killed.")] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Delete blobs that no tag references.

    Pulls keep working; writes wait for moments. `regops undo` restores what was deleted.

    First it looks for blobs that nothing references, and nobody has to wait. Then these are deleted bit by bit, except those that
    have been pushed again in the meantime. What cannot be read keeps everything in its repository, and is named. Safety checks,
    which --allow overrides: more than half of all blobs would be deleted (share), there is no recent backup although the settings
    ask for one (backup), or writes would be refused for longer than the error budget has left (budget). On a full disk, --no-undo
    frees the space at once; older snapshots then lack what was deleted.
    """
    stack = stack_of(context)
    options = GcOptions(keep_untagged, keep_snapshot=not no_undo, allowed=frozenset(allow))

    def work() -> Outcome:
        if recovery:
            return _recover(stack)
        return _preview(stack, options, as_json=as_json) if dry_run else _collect(stack, options, as_json=as_json)

    name = "gc-plan" if dry_run else "gc-recover" if recovery else "gc"
    end_with(stack, name, work, lock=STORAGE, wait_s=wait, routine=dry_run)


def _preview(stack: Stack, options: GcOptions, *, as_json: bool) -> Outcome:
    plan = preview(stack, options, telling(_PREVIEW_STEPS))
    if as_json:
        print_json({"plan": asdict(plan)})
    else:
        _show(plan)
        for kind, reason in plan.refusals.items():
            say(f"it would not start: {reason} (--allow {kind})")
    return preview_outcome(plan)


def _collect(stack: Stack, options: GcOptions, *, as_json: bool) -> Outcome:
    done = collect(stack, options, telling(_STEPS))
    if as_json:
        print_json({"report": asdict(done.report), "snapshots_removed": done.expired, "snapshots_bytes": done.held})
    else:
        _show(done.report.plan)
        _show_end(done)
    return done.outcome


def _recover(stack: Stack) -> Outcome:
    recovered = recover(stack, telling(_RECOVERY_STEPS))
    return Outcome(0, f"rolled back {len(recovered)} killed collections" if recovered else "there was nothing to clean up")


def _show(plan: Plan) -> None:
    say(
        f"to delete: {plan.blobs} of {plan.all_blobs} blobs ({size(plan.size)}), {plan.manifests} manifests,"
        f" {len(plan.tags)} signatures"
    )
    if plan.leftovers:
        say(f"what is left of tags that nobody can pull: {plan.leftovers[0]}{and_more(plan.leftovers)}")
    for why in plan.unclear:
        say(f"kept everything in {why}")
    if plan.repositories:
        rows = [(one.name, one.manifests, one.layers, one.tags, size(one.size)) for one in plan.repositories[:_SHOWN]]
        print_table(["repository", "manifests", "layers", "tags", "size"], rows)
    if (more := len(plan.repositories) - _SHOWN) > 0:
        say(f"and {more} more repositories")


def _show_end(done: Collected) -> None:
    report = done.report
    say(f"deleted {report.removed_blobs} blobs, {size(report.size)}; kept {report.kept_again} files that were pushed again")
    waited = f"writes waited for at most {report.held_s:.1f} s, {report.slices} times; " if report.slices else ""
    say(f"{waited}{len(report.verified)} images were read in full")
    if report.left:
        say(f"{report.left} files are left for the next collection: there was always a write in flight")
    for problem in report.problems:
        say(f"problem: {problem}")
    if report.snapshot:
        say(f"`regops snapshot restore {report.snapshot}` brings it back; snapshots hold {size(done.held)}")
