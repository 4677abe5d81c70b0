"""`regops notify`: delivers the messages that wait, tries the channels, and sends again what was given up."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from ops.cli.shared import Json, end_with, print_findings, print_json, print_table, say, stack_of
from ops.core import exit_codes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.notify.delivery import Delivery
    from ops.notify.notifier import Notifier
    from ops.runs.task import Outcome

EXAMPLES = "Examples: `regops notify` · `regops notify test` · `regops notify status --json` · `regops notify revive`"

notify = typer.Typer(invoke_without_command=True, epilog=EXAMPLES, rich_markup_mode=None)


@notify.callback()
def deliver(context: typer.Context, *, as_json: Json = False) -> None:
    """Deliver what waits, and what time has made due: reminders, the digest, runs that were killed."""
    if context.invoked_subcommand is not None:
        return
    from ops.runs.history import KILLED
    from ops.runs.reports import event_of
    from ops.runs.task import history_of

    stack = stack_of(context)
    notifier = _notifier(context)

    def work() -> Outcome:
        last = {run.task: run for run in history_of(stack).runs()}
        killed = [event_of(run, stack.config.stack) for run in last.values() if run.state == KILLED]
        notifier.tell([event for event in killed if event])
        return _sent(notifier.send(), as_json=as_json)

    end_with(stack, "notify", work, routine=True)


@notify.command("test", epilog="Examples: `regops notify test` · `regops notify test --json`")
def send_test(context: typer.Context, *, as_json: Json = False) -> None:
    """Send a test message by all channels, whatever their severity."""
    import time

    from ops.config.notify import Severity
    from ops.notify.message import Letter, report

    notifier = _notifier(context)
    stack = stack_of(context).config
    if not stack.notify.channels:
        say("regops: there are no channels; add one to operations.notify.channels, and run `up`")
        raise typer.Exit(1)
    message = report("Test message", where=stack.stack, impact="none: this way works", severity=Severity.CRITICAL)
    notifier.outbox.post(Letter(message, time.time()))
    raise typer.Exit(_sent(notifier.send(), as_json=as_json).exit_code)


@notify.command(epilog="Examples: `regops notify status` · `regops notify status --json`")
def status(context: typer.Context, *, as_json: Json = False) -> None:
    """Show what waits for each channel, and what is wrong with it."""
    from ops.core.findings import Findings
    from ops.tasks.doctor.checks.channels import channels

    findings = Findings(channels(stack_of(context)))
    print_json(findings.document()) if as_json else print_findings(findings)
    raise typer.Exit(findings.exit_code)


@notify.command(epilog="Examples: `regops notify revive` · `regops notify revive --json`")
def revive(context: typer.Context, *, as_json: Json = False) -> None:
    """Let messages wait again that were refused or given up, and deliver them."""
    notifier = _notifier(context)
    for channel in notifier.stack.config.notify.channels:
        notifier.outbox.mailbox(channel).revive()
    raise typer.Exit(_sent(notifier.send(), as_json=as_json).exit_code)


def _notifier(context: typer.Context) -> Notifier:
    from ops.notify.notifier import Notifier

    return Notifier(stack_of(context))


def _sent(done: Mapping[str, Delivery], *, as_json: bool) -> Outcome:
    from ops.runs.task import Outcome

    if as_json:
        print_json({"channels": {name: asdict(delivery) for name, delivery in done.items()}})
    elif any(delivery != type(delivery)() for delivery in done.values()):
        rows = [(name, one.sent, one.refused, one.pending, one.problem) for name, one in done.items()]
        print_table(["channel", "sent", "refused", "wait", "problem"], rows)
    sent, refused, pending = (sum(getattr(one, what) for one in done.values()) for what in ("sent", "refused", "pending"))
    problems = [f"{name}: {one.problem}" for name, one in done.items() if one.problem]
    summary = problems[0] if problems else f"{sent} sent"
    figures = {"sent": sent, "refused": refused, "outbox_pending": pending}
    # What waits is tried again: only what will never arrive is a failure.
    code = exit_codes.FAILED if refused else exit_codes.WARNINGS if problems else exit_codes.OK
    return Outcome(code, summary, figures)
