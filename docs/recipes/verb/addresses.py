"""`regops addresses`: where clients reach the registry."""

from __future__ import annotations

import typer

from ops.cli.printing import print_json
from ops.cli.shared import Json, stack_of

EXAMPLES = "Examples: `regops addresses` · `regops addresses --json`"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EXAMPLES)
def addresses(context: typer.Context, *, as_json: Json = False) -> None:
    """Show where clients reach the registry."""
    url = stack_of(context).config.url
    if as_json:
        print_json({"url": url})
    else:
        typer.echo(url)
