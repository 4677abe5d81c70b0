"""`regops version`: which version this is, and which one the stack was last brought up with."""

from __future__ import annotations

import typer

from ops import __version__
from ops.cli.printing import print_json, when
from ops.cli.shared import Json, stack_of
from ops.stack.installed import installed

EXAMPLES = "Examples: `regops version` · `regops version --json`"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EXAMPLES)
def version(
    context: typer.Context,
    *,
    as_json: Json = False,
) -> None:
    """Show the version, and the release that the stack runs.

    A stack runs the release that the last `up` has installed. In a checkout it may be of another version than the checkout.
    """
    there = installed(stack_of(context)) if context.obj else None
    if as_json:
        print_json({"version": __version__, "installed": there.document() if there else None})
        return
    typer.echo(f"regops {__version__}")
    if there:
        typer.echo(f"release {there.release}, of version {there.version or 'before 1.0.0'}, since {when(there.since)}")
