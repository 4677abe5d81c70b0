"""`regops notify`: delivers waiting messages, tests the channels, and retries what was given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import typer

from ops.cli.printing import print_findings, print_json
from ops.cli.say import say
from ops.cli.shared import Json, end_with, stack_of
from ops.cli.tables import print_table
from ops.core.findings import Findings
from ops.notify.delivery import Delivery
from ops.runs.measured import measure
from ops.runs.task import Outcome, only_warning
from ops.stack.stack import Stack
from ops.tasks.doctor.checks.channels import channels
from ops.tasks.notify import run

EXAMPLES = "Examples: `regops notify` · `regops notify test` · `regops notify status --json` · `regops notify flush`"

app = typer.Typer(invoke_without_command=True, epilog=EXAMPLES, add_completion=False, rich_markup_mode=None)


@app.callback()
def deliver(context: typer.Context, *, as_json: Json = False) -> None:
    """Deliver waiting messages, and test the channels.

    Without a verb, it delivers what waits and what has become due: reminders, the daily digest, and news of runs that were
    killed.
    """
    if context.invoked_subcommand is not None:
        return
    stack = stack_of(context)
    end_with(stack, "notify", lambda: _shown(_delivered(stack), as_json=as_json), routine=True)


@app.command("test", epilog="Examples: `regops notify test` · `regops notify test --json`")
def send_test(context: typer.Context, *, as_json: Json = False) -> None:
    """Send a test message through all channels, whatever their severity."""
    raise typer.Exit(_shown(run.send_test(stack_of(context)), as_json=as_json).exit_code)


@app.command(epilog="Examples: `regops notify status` · `regops notify status --json`")
def status(context: typer.Context, *, as_json: Json = False) -> None:
    """Show what waits for each channel, and what is wrong with it."""
    findings = Findings(channels(stack_of(context)))
    print_json(findings.document()) if as_json else print_findings(findings)
    raise typer.Exit(findings.exit_code)


@app.command(epilog="Examples: `regops notify flush` · `regops notify flush --json`")
def flush(context: typer.Context, *, as_json: Json = False) -> None:
    """Deliver what waits now, without waiting for the next try.

    After a failure a channel is tried again after a minute, later less often. This also tries the channels that are waiting.
    """
    stack = stack_of(context)
    end_with(stack, "notify", lambda: _shown(_delivered(stack, at_once=True), as_json=as_json), routine=True)


@app.command(epilog="Examples: `regops notify revive` · `regops notify revive --json`")
def revive(context: typer.Context, *, as_json: Json = False) -> None:
    """Retry messages that were refused or given up."""
    raise typer.Exit(_shown(run.revive(stack_of(context)), as_json=as_json).exit_code)


def _delivered(stack: Stack, *, at_once: bool = False) -> Mapping[str, Delivery]:
    """Deliver, and measure the host: no other task runs as often, and what waits is to be seen."""
    done = run.deliver(stack, at_once=at_once)
    with only_warning("metrics", say):
        measure(stack)
    return done


def _shown(done: Mapping[str, Delivery], *, as_json: bool) -> Outcome:
    if as_json:
        print_json({"channels": {name: asdict(delivery) for name, delivery in done.items()}})
    elif any(delivery != type(delivery)() for delivery in done.values()):
        rows = [(name, one.sent, one.refused, one.pending, one.problem) for name, one in done.items()]
        print_table(["channel", "sent", "refused", "waiting", "problem"], rows)
    return run.outcome_of(done)
