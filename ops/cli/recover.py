"""`regops recover`: restores onto a new host what its settings say, before services start."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ops.cli.printing import print_json
from ops.cli.say import say
from ops.cli.shared import STORAGE, Json, Wait, end_with, stack_of
from ops.runs.task import Outcome
from ops.tasks.restore.recover import recover
from ops.tasks.restore.whole import complete

EXAMPLES = "Examples: `regops recover` · `regops recover --check --json`"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("recover", epilog=EXAMPLES)
def recover_(
    context: typer.Context,
    *,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Ask the running registry for every tag that came back, and bring what it still serves from the backup.",
        ),
    ] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Recover a host that has lost everything.

    The settings name the backup: `recover: latest`. `up` does this by itself: before it starts the services, so that they serve
    what is in the backup, and with --check afterwards, until all of it is on the disk. It is done once: a registry that has
    content is never changed; `regops restore` is for that.
    """
    stack = stack_of(context)

    def work() -> Outcome:
        done = complete(stack, say) if check else recover(stack, say)
        if as_json:
            print_json({"recovery": asdict(done.recovery)})
        else:
            say(done.summary)
        return Outcome(done.exit_code, done.summary)

    end_with(stack, "recover", work, lock=STORAGE, wait_s=wait)
