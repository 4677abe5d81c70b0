"""`regops status`: one screen that answers whether all is well."""

from __future__ import annotations

import typer

from ops.cli.printing import print_findings, print_json
from ops.cli.shared import Json, stack_of
from ops.tasks.doctor.status import glance

EXAMPLES = "Examples: `regops status` · `regops status --json` · `watch regops status`"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EXAMPLES)
def status(context: typer.Context, *, as_json: Json = False) -> None:
    """Show on one screen whether all is well.

    What runs, what has run, and how much room is left: in a second, and without touching the registry.
    """
    stack = stack_of(context)
    findings = glance(stack)
    if as_json:
        print_json({"stack": stack.config.stack, "url": stack.config.url, **findings.document()})
    else:
        print_findings(findings)
        typer.echo(f"{stack.config.url}: {findings.summary}")
    raise typer.Exit(findings.exit_code)
