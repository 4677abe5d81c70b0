"""Delivers a stack's messages: those that wait, news of runs that were killed or not even tried, tests, and what was given up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from ops.config.notify import Severity
from ops.core import exit_codes
from ops.notify.delivery import Delivery
from ops.notify.message import Letter, report
from ops.notify.notifier import Notifier
from ops.notify.policy import AlertEvent
from ops.runs.due import silent_since
from ops.runs.history import KILLED, Run, history_of
from ops.runs.marks import marks_of
from ops.runs.reports import event_of, silence, silence_of
from ops.runs.task import Outcome
from ops.runs.timers import timers, up_s
from ops.stack.stack import Stack


class NoChannelsError(Exception):
    """There is nobody to send a test message to."""

    exit_code = exit_codes.FAILED


def deliver(stack: Stack) -> Mapping[str, Delivery]:
    """Report runs that were killed or not even tried, and deliver everything that is due; return what happened, by channel."""
    notifier = Notifier(stack)
    runs = history_of(stack).runs()
    last = {run.task: run for run in runs}
    killed = [event_of(run, stack.display_name) for run in last.values() if run.state == KILLED]
    notifier.tell([*(event for event in killed if event), *_silences(stack, notifier, runs)])
    return notifier.send()


def _silences(stack: Stack, notifier: Notifier, runs: Sequence[Run]) -> Iterator[AlertEvent]:
    """Report tasks that should have run by now and were not even tried, and those that are tried again."""
    marks, now, told = marks_of(stack), time.time(), notifier.open_problems()
    for task, enabled in timers(stack).items():
        marks.expect(task, now)
        mine = [run for run in runs if run.task == task]
        since = silent_since(task, mine, marks.get(task), now=now, up_s=up_s(), known_s=now)
        if since is not None:
            yield silence(task, stack.display_name, since)
        elif enabled and (known := told.get(silence_of(task))):
            yield AlertEvent(known, ok=True)


def send_test(stack: Stack) -> Mapping[str, Delivery]:
    """Send a test message through all channels, whatever their severity.

    Raises:
        NoChannelsError: There are none.
    """
    if not stack.config.notify.channels:
        raise NoChannelsError("there are no channels; add one to operations.notify.channels in the settings, then run `up`")
    notifier = Notifier(stack)
    impact = "none: this channel works"
    message = report("Test message", where=stack.display_name, impact=impact, severity=Severity.CRITICAL)
    notifier.outbox.post(Letter(message, time.time()))
    return notifier.send()


def revive(stack: Stack) -> Mapping[str, Delivery]:
    """Queue messages again that were refused or given up, and deliver them."""
    notifier = Notifier(stack)
    for channel in stack.config.notify.channels:
        notifier.outbox.mailbox(channel).revive()
    return notifier.send()


def outcome_of(done: Mapping[str, Delivery]) -> Outcome:
    """Return how a delivery ended. What waits is retried, so only what will never arrive is a failure."""
    figures = {
        "sent": sum(one.sent for one in done.values()),
        "refused": sum(one.refused for one in done.values()),
        "outbox_pending": sum(one.pending for one in done.values()),
    }
    problems = [f"{name}: {one.problem}" for name, one in done.items() if one.problem]
    code = exit_codes.FAILED if figures["refused"] else exit_codes.WARNINGS if problems else exit_codes.OK
    return Outcome(code, problems[0] if problems else f"sent {figures['sent']}", figures)
