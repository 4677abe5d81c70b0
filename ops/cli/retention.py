"""`regops retention`: deletes old tags by the rules of the settings."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ops.cli.printing import print_json, when
from ops.cli.say import say
from ops.cli.shared import STORAGE, Json, Wait, end_with, stack_of
from ops.cli.tables import print_table
from ops.core import exit_codes
from ops.runs.task import Outcome
from ops.stack.stack import Stack
from ops.tasks.retention.model import RetentionPlan
from ops.tasks.retention.run import delete_old, outcome_of, preview, preview_outcome

EXAMPLES = "Examples: `regops retention --dry-run` · `regops retention` · `regops retention --json`"
_SHOWN = 50

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EXAMPLES)
def retention(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be deleted.")] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Delete old tags.

    `sync.retention` in the settings says which: of the tags that match a rule, all but the newest. Those are the ones that were
    pushed last, or those of the highest version. A snapshot is made first, and `regops undo` brings the tags back; the next run
    deletes them again unless the rule is changed. Layers stay until the next garbage collection.
    """
    stack = stack_of(context)

    def work() -> Outcome:
        if not stack.config.retention:
            say("there are no rules; `sync.retention` in the settings has them, and `up` brings them here")
            return Outcome(exit_codes.OK, "there are no rules")
        return _preview(stack, as_json=as_json) if dry_run else _delete(stack, as_json=as_json)

    end_with(stack, "retention-plan" if dry_run else "retention", work, lock=STORAGE, wait_s=wait, routine=dry_run)


def _preview(stack: Stack, *, as_json: bool) -> Outcome:
    plan = preview(stack)
    print_json({"plan": _document(plan)}) if as_json else _show(plan)
    return preview_outcome(plan)


def _delete(stack: Stack, *, as_json: bool) -> Outcome:
    report = delete_old(stack)
    if as_json:
        print_json({"report": asdict(report) | {"plan": _document(report.plan)}})
    else:
        _show(report.plan)
        for one in report.kept_again:
            say(f"kept {one}: it was pushed in the meantime")
        if report.snapshot:
            say(f"deleted {len(report.deleted)} tags; `regops snapshot restore {report.snapshot}` brings them back")
    return outcome_of(report)


def _show(plan: RetentionPlan) -> None:
    for why in plan.unclear:
        say(f"kept everything in {why}")
    print_table(
        ["rule", "order", "matching", "kept", "to delete"],
        [(one.rule, one.order, one.matching, len(one.kept), one.old) for one in plan.rules],
    )
    if plan.old:
        print_table(
            ["to delete", "pushed", "by"],
            [(str(one), when(one.pushed), one.rule) for one in plan.old[:_SHOWN]],
        )
    if (more := len(plan.old) - _SHOWN) > 0:
        say(f"and {more} more tags")


def _document(plan: RetentionPlan) -> dict[str, object]:
    old = [
        {"repository": one.repository, "tag": one.tag, "digest": one.digest, "pushed": one.pushed.isoformat(), "rule": one.rule}
        for one in plan.old
    ]
    return asdict(plan) | {"old": old}
