"""`regops history`: which tasks ran, when, and how they ended."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ops.cli.printing import print_json
from ops.cli.shared import Json, stack_of
from ops.cli.tables import print_table
from ops.runs.history import RUNNING, history_of

EXAMPLES = """\
Examples: `regops history` · `regops history --task gc --last 5` · `regops history --failed --json`
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EXAMPLES)
def history(
    context: typer.Context,
    *,
    task: Annotated[str | None, typer.Option(metavar="NAME", help="Only runs of this task.")] = None,
    last: Annotated[int, typer.Option(min=1, help="How many runs.")] = 20,
    failed: Annotated[bool, typer.Option("--failed", help="Only runs that failed, were killed, or did not start.")] = False,
    as_json: Json = False,
) -> None:
    """Show which tasks ran, when, and how they ended.

    The newest run comes last.
    """
    runs = [
        run
        for run in history_of(stack_of(context)).runs()
        if task in (None, run.task) and not (failed and (run.went_well or run.state == RUNNING))
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
