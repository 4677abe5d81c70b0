"""`regops delete`: deletes a tag."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ops.cli.printing import print_json
from ops.cli.say import say
from ops.cli.shared import STORAGE, Expect, Json, Wait, end_with, stack_of
from ops.core import exit_codes
from ops.core.findings import and_more
from ops.runs.task import Outcome
from ops.stack.stack import Stack
from ops.tasks.delete.run import NO_IMAGE, DeletePlan, delete, preview

EXAMPLES = "Examples: `regops delete team/app:v1 --dry-run` · `regops delete team/app:v1` · `regops delete team/app:v1 --json`"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("delete", epilog=EXAMPLES)
def delete_(
    context: typer.Context,
    tag: Annotated[str, typer.Argument(metavar="REPOSITORY:TAG", help="The tag.")],
    *,
    expect: Expect = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be deleted.")] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Delete a tag.

    A snapshot is made first, and brings it back. What the tag points to stays until the next garbage collection, and for longer
    where another tag points to it. A tag that is mirrored comes back with the next run of the mirror, unless its entry changes.
    """
    stack = stack_of(context)

    def work() -> Outcome:
        return _preview(stack, tag, expect, as_json=as_json) if dry_run else _delete(stack, tag, expect, as_json=as_json)

    end_with(stack, "delete-plan" if dry_run else "delete", work, lock=STORAGE, wait_s=wait, routine=dry_run)


def _preview(stack: Stack, tag: str, expect: str, *, as_json: bool) -> Outcome:
    plan = preview(stack, tag, expect)
    print_json({"plan": asdict(plan)}) if as_json else _show(plan)
    return Outcome(exit_codes.OK, f"{plan} would be deleted")


def _delete(stack: Stack, tag: str, expect: str, *, as_json: bool) -> Outcome:
    done = delete(stack, tag, expect)
    if as_json:
        print_json({"report": asdict(done)})
    else:
        _show(done.plan)
        say(done.outcome.summary)
        if done.gone and done.plan.digest:
            say(f"`regops snapshot restore {done.snapshot} {done.plan}` brings it back")
    return done.outcome


def _show(plan: DeletePlan) -> None:
    say(f"to delete: {plan}, which is {plan.digest or NO_IMAGE}")
    if not plan.digest:
        return
    if plan.others:
        say(f"its image stays: {plan.others[0]}{and_more(plan.others)} is the same")
    else:
        say("no other tag of this repository is the same: the next garbage collection deletes the image")
