"""Delivers a stack's messages: what waits, alerts, news of killed runs and of failing logins, tests, and what was given up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ops.config.notify import Severity
from ops.core import exit_codes
from ops.notify.delivery import Delivery
from ops.notify.message import Fingerprint, Letter, report
from ops.notify.notifier import Notifier
from ops.notify.outbox import outage_of
from ops.notify.policy import AlertEvent
from ops.runs.due import silent_since
from ops.runs.history import KILLED, Run, history_of
from ops.runs.marks import marks_of
from ops.runs.reports import event_of, silence, silence_of
from ops.runs.task import Outcome
from ops.runs.timers import timers, up_s
from ops.stack.alerts import alert_inbox
from ops.stack.logins import failing_logins
from ops.stack.stack import Stack
from ops.tasks.notify import alerts

# What comes while messages are sent need not wait for the next run. In a storm it has to.
_ROUNDS = 3


class NoChannelsError(Exception):
    """There is nobody to send a test message to."""

    exit_code = exit_codes.FAILED


def deliver(stack: Stack, *, at_once: bool = False) -> Mapping[str, Delivery]:
    """Report alerts, runs that were killed or not even tried, refused accounts and broken channels; deliver what is due.

    Args:
        stack: Whose messages.
        at_once: Whether to try channels that failed lately too, before it is time.

    Returns:
        What happened, by channel.
    """
    notifier = Notifier(stack)
    done = dict[str, Delivery]()
    for _ in range(_ROUNDS):
        if not _round(stack, notifier, done, at_once=at_once):
            break
    alerts.tell_outside(stack, notifier)
    return done


def _round(stack: Stack, notifier: Notifier, done: dict[str, Delivery], *, at_once: bool) -> bool:
    """Report and deliver what there is, add what happened, and return whether alerts have come meanwhile."""
    runs = history_of(stack).runs()
    last = {run.task: run for run in runs}
    killed = [event for run in last.values() if run.state == KILLED and (event := event_of(run, stack.display_name))]
    fetched = alerts.fetch(stack, notifier)
    found = [*fetched.events, *alerts.silence(stack, notifier)]
    notifier.tell([*found, *killed, *_silences(stack, notifier, runs), *_failing_logins(stack, notifier)])
    sent = [notifier.send(at_once=at_once)]
    if notifier.tell([*alerts.finish(stack, notifier, fetched), *_outages(stack, notifier)]):
        sent.append(notifier.send())
    for one in sent:
        done |= {name: _both(done[name], now) if name in done else now for name, now in one.items()}
    return bool(fetched.files) and not fetched.trouble and alert_inbox(stack).oldest() is not None


def _both(first: Delivery, second: Delivery) -> Delivery:
    """Return what two deliveries of a channel did, one right after the other."""
    problem = first.problem or second.problem
    return replace(second, sent=first.sent + second.sent, refused=first.refused + second.refused, problem=problem)


def _outages(stack: Stack, notifier: Notifier) -> Iterator[AlertEvent]:
    """Report channels that have accepted nothing for long, or refused something, and those that work again."""
    told = notifier.open_problems()
    for name, status in notifier.outbox.status(time.time()).items():
        about = outage_of(name)
        if status.problem:
            yield AlertEvent(
                report(
                    f"Messages do not reach {name}",
                    where=stack.display_name,
                    details=[status.problem],
                    severity=Severity.ERROR,
                    fingerprint=about,
                    next_command="regops notify status",
                ),
                ok=False,
            )
        elif known := told.get(about):
            yield AlertEvent(known, ok=True)


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


def _failing_logins(stack: Stack, notifier: Notifier) -> Iterator[AlertEvent]:
    """Report accounts that are refused again and again, each with its address, and those that are not any more."""
    found = {Fingerprint("logins", "refused", f"{one.account} from {one.client}"): one for one in failing_logins(stack)}
    for fingerprint, one in found.items():
        message = report(
            f"Account {one.account} is refused again and again",
            where=stack.display_name,
            since=one.since,
            impact=f"whatever signs in with its old password at {one.client} is refused; right passwords are let in",
            details=[f"{one.times} times from {one.client}"],
            severity=Severity.WARNING,
            fingerprint=fingerprint,
            next_command="regops status",
            tags=["key"],
        )
        yield AlertEvent(message, ok=False)
    for fingerprint, message in notifier.open_problems().items():
        if (fingerprint.task, fingerprint.kind) == ("logins", "refused") and fingerprint not in found:
            yield AlertEvent(message, ok=True)


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
    return notifier.send(at_once=True)


def revive(stack: Stack) -> Mapping[str, Delivery]:
    """Queue messages again that were refused or given up, and deliver them."""
    notifier = Notifier(stack)
    for channel in stack.config.notify.channels:
        notifier.outbox.mailbox(channel).revive()
    return notifier.send(at_once=True)


def outcome_of(done: Mapping[str, Delivery]) -> Outcome:
    """Return how a delivery ended. What waits is retried, so only what will never arrive is a failure."""
    figures = {
        "sent": sum(one.sent for one in done.values()),
        "refused": sum(one.refused for one in done.values()),
        "outbox_pending": sum(one.pending for one in done.values()),
    }
    problems = [f"{name}: {one.problem}" for name, one in done.items() if one.problem]
    code = exit_codes.FAILED if figures["refused"] else exit_codes.WARNINGS if problems else exit_codes.OK
    # It is no news for those who get the messages until it has lasted: `deliver` then says so, through the other channels.
    return Outcome(code, problems[0] if problems else f"sent {figures['sent']}", figures, told=bool(problems))
