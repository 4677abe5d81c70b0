"""`regops budget`: how much of the error budget is spent, and by what."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.printing import print_json
from ops.cli.shared import Json, stack_of
from ops.tasks.budget.model import lines_of
from ops.tasks.budget.run import measure

EXAMPLES = "Examples: `regops budget` · `regops budget --month` · `regops budget --json`"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EXAMPLES)
def budget(
    context: typer.Context,
    *,
    month: Annotated[bool, typer.Option("--month", help="Of this calendar month (UTC), not of the last 30 days.")] = False,
    as_json: Json = False,
) -> None:
    """Show how much of the error budget is spent, and by what.

    Prometheus has the registry probed each half minute, the way clients reach it, and 99.5 % of the probes have to succeed: in 30
    days 3 h 36 min may fail. Each incident is shown with what happened on this host at that time. Writes that waited, or were
    refused, for maintenance are counted apart, since pulls went on meanwhile. Tasks that would make writes be refused for longer
    than what is left do not start, unless they are told --allow budget.
    """
    report = measure(stack_of(context), month=month)
    if as_json:
        print_json({"budget": report.document()})
    else:
        for line in lines_of(report):
            typer.echo(line)
    raise typer.Exit(report.exit_code)
