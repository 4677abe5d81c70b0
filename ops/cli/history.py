"""`regops history`: which tasks ran, when, and how they ended."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ops.cli.shared import Json, print_json, print_table, stack_of
from ops.core import exit_codes

EXAMPLES = """\
Examples: `regops history` · `regops history --task gc --last 5` · `regops history --failed --json`
"""
# Done, done with warnings, and left to the task that was at work.
_FINE = (*exit_codes.SUCCESSFUL, exit_codes.BUSY)


def history(
    context: typer.Context,
    *,
    task: Annotated[str | None, typer.Option(metavar="NAME", help="Only runs of this task.")] = None,
    last: Annotated[int, typer.Option(min=1, help="How many runs.")] = 20,
    failed: Annotated[bool, typer.Option("--failed", help="Only runs that failed or were killed.")] = False,
    as_json: Json = False,
) -> None:
    """Show which tasks ran, when, and how they ended; the newest is the last."""
    from ops.runs.history import RUNNING
    from ops.runs.task import history_of

    runs = [
        run
        for run in history_of(stack_of(context)).runs()
        if task in (None, run.task) and not (failed and (run.exit_code in _FINE or run.state == RUNNING))
    ][-last:]
    if as_json:
        print_json({"runs": [asdict(run) for run in runs]})
        return
    print_table(
        ["started", "task", "state", "exit", "seconds", "summary"],
        [
            (
                run.started.replace("+00:00", "Z"),
                run.task,
                run.state,
                "" if run.exit_code is None else run.exit_code,
                "" if run.seconds is None else f"{run.seconds:.1f}",
                run.summary,
            )
            for run in runs
        ],
    )
