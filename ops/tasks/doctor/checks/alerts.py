"""The check of alerts: whether they would arrive here, and whether any wait for their messages."""

from __future__ import annotations

import time

from ops.core.findings import FAILED, OK, WARNING, Check
from ops.notify.text import duration
from ops.runs.timers import timers
from ops.stack.alerts import alert_inbox, silent_since
from ops.stack.stack import Stack

_NAME = "alerts"
# `regops notify` fetches them each five minutes at least.
_FETCHED_S = 1800.0


def alerts(stack: Stack) -> list[Check]:
    """Check whether alerts arrive; nothing where none are raised."""
    if "alertmanager" not in stack.config.services:
        return []
    now, inbox = time.time(), alert_inbox(stack)
    since = silent_since(stack, now)
    if since is not None:
        detail = f"not even the one that always fires has arrived for {duration(now - since)}"
        name = stack.config.stack
        remedy = f"see `docker logs {name}-prometheus`, `docker logs {name}-alertmanager` and `docker logs {name}-gateway`"
        return [Check(_NAME, FAILED, detail, remedy)]
    oldest = inbox.oldest()
    if oldest is not None and now - oldest > _FETCHED_S:
        # Where nothing is started by itself, as on a laptop, nobody is late.
        late = WARNING if timers(stack) else OK
        return [Check(_NAME, late, f"some have waited for {duration(now - oldest)}", "`regops notify` tells them")]
    return [Check(_NAME, OK, "they arrive" if inbox.heartbeat().last else "none has been raised yet")]
