"""Checks of the notification channels: whether they accept messages, and whether any were given up."""

from __future__ import annotations

import time

from ops.core.findings import FAILED, OK, WARNING, Check
from ops.notify.notifier import Notifier
from ops.notify.outbox import Status
from ops.stack.stack import Stack


def channels(stack: Stack) -> list[Check]:
    """Return a check for each channel."""
    status = Notifier(stack).outbox.status(time.time())
    return [_channel(name, one) for name, one in status.items()]


def _channel(name: str, status: Status) -> Check:
    check = f"notify {name}"
    if status.dead:
        remedy = "`regops notify test` shows why; once fixed, `regops notify revive` sends them again"
        return Check(check, FAILED, status.problem, remedy)
    if status.failing and status.pending:
        remedy = "sent once it works again; `regops notify flush` tries now"
        return Check(check, FAILED if status.problem else WARNING, status.waiting, remedy)
    return Check(check, OK, status.waiting)
