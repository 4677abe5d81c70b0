"""`regops changes`: which digest each tag points to, and did, when that changed, and who changed it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from ops.cli.printing import print_json
from ops.cli.shared import Json, Wait, end_with, stack_of
from ops.core.time_expressions import moment
from ops.runs.task import Outcome
from ops.tasks.changes import run
from ops.tasks.changes.report import ChangesReport, Detail

EXAMPLES = """\
Examples: `regops changes` · `regops changes --since yesterday` · `regops changes --since 7d --detailed` ·
`regops changes at 2026-03-01` · `regops changes history team/app:v1`
"""

app = typer.Typer(invoke_without_command=True, epilog=EXAMPLES, add_completion=False, rich_markup_mode=None)


@app.callback()
def look(
    context: typer.Context,
    *,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Do not look; show what was recorded since: 24h, 2026-03-01.")
    ] = None,
    detailed: Annotated[bool, typer.Option("--detailed", help="Show each change.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only show what is wrong.")] = False,
    api: Annotated[bool, typer.Option("--api", help="Ask the registry, as its users do, instead of reading its files.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Record it even if most tags have vanished.")] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Record and show which tags changed.

    It compares all tags with the last look, or, with --since, shows what earlier looks recorded. A tag that cannot be read is
    unknown, never removed. A version tag that moved is a warning.
    """
    if context.invoked_subcommand is not None:
        return
    stack = stack_of(context)
    detail = Detail.QUIET if quiet else Detail.DETAILED if detailed else Detail.SUMMARY

    def show(report: ChangesReport) -> None:
        if as_json:
            print_json(report.as_json())
        else:
            typer.echo(report.text(detail), nl=False)

    if since is not None:
        show(run.changes_since(stack, _moment(since)))
        return

    def work() -> Outcome:
        report = run.record(stack, by_api=api, accept=accept)
        show(report)
        return run.outcome_of(report)

    end_with(stack, "changes", work, lock="changes", wait_s=wait, routine=True)


@app.command(epilog="Examples: `regops changes at 2026-03-01` · `regops changes at yesterday --json`")
def at(
    context: typer.Context,
    time: Annotated[str, typer.Argument(help="As 2026-03-01, 2026-03-01T14:30, yesterday, 24h, 7d.")],
    *,
    as_json: Json = False,
) -> None:
    """Show which digest each tag pointed to at a time."""
    state = run.state_at(stack_of(context), _moment(time))
    print_json(state.as_json()) if as_json else typer.echo(state.text(), nl=False)


@app.command(epilog="Examples: `regops changes history team/app:v1` · `regops changes history library/nginx:1.27 --json`")
def history(
    context: typer.Context,
    tag: Annotated[str, typer.Argument(metavar="REPOSITORY:TAG")],
    *,
    as_json: Json = False,
) -> None:
    """Show what a tag has pointed to, since when, and who changed it."""
    try:
        found = run.history(stack_of(context), tag)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    print_json(found.as_json()) if as_json else typer.echo(found.text(), nl=False)


def _moment(text: str) -> datetime:
    try:
        return moment(text, datetime.now().astimezone())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
