"""Checks of the channels for messages: whether they take them, and whether any were given up."""

from __future__ import annotations

import time

from ops.core.findings import FAILED, OK, WARNING, Check
from ops.notify.notifier import Notifier
from ops.notify.outbox import Status
from ops.stack.stack import Stack

# Longer than a reader of alerts would like to be without them.
_LATE_S = 3600.0


def channels(stack: Stack) -> list[Check]:
    """Return a check for each channel."""
    status = Notifier(stack).outbox.status(time.time())
    return [_channel(name, one) for name, one in status.items()]


def _channel(name: str, status: Status) -> Check:
    check = f"notify {name}"
    if status.dead:
        what = f"{status.dead} messages were refused, or given up after three days"
        return Check(check, FAILED, what, "`regops notify test` says why; then `regops notify revive` sends them again")
    if status.failing:
        late = (status.oldest_s or 0.0) > _LATE_S
        detail = f"{status.pending} messages wait: {status.failing.reason}"
        return Check(check, FAILED if late else WARNING, detail, "they are sent when it answers; `regops notify test` tries now")
    return Check(check, OK, f"{status.pending} messages wait" if status.pending else "nothing waits")
