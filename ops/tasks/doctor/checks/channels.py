"""Checks of the notification channels: whether they accept messages, and whether any were given up."""

from __future__ import annotations

import time

from ops.core.findings import FAILED, OK, WARNING, Check
from ops.notify.notifier import Notifier
from ops.notify.outbox import Status
from ops.stack.stack import Stack

# Nobody wants to miss alerts for longer than this.
_LATE_S = 3600.0


def channels(stack: Stack) -> list[Check]:
    """Return a check for each channel."""
    status = Notifier(stack).outbox.status(time.time())
    return [_channel(name, one) for name, one in status.items()]


def _channel(name: str, status: Status) -> Check:
    check = f"notify {name}"
    if status.dead:
        what = f"{_count(status.dead)} refused, or given up after three days"
        return Check(check, FAILED, what, "`regops notify test` shows why; once fixed, `regops notify revive` sends them again")
    if status.failing:
        late = (status.oldest_s or 0.0) > _LATE_S
        detail = f"{_count(status.pending)} waiting: {status.failing.reason}"
        return Check(check, FAILED if late else WARNING, detail, "sent once it works again; `regops notify test` tries now")
    return Check(check, OK, f"{_count(status.pending)} waiting" if status.pending else "nothing waiting")


def _count(messages: int) -> str:
    return "1 message" if messages == 1 else f"{messages} messages"
