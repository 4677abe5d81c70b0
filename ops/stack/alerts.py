"""Where a stack's alerts wait, as the gateway keeps them, and whether any can arrive."""

from __future__ import annotations

import time

from ops.events.alert_inbox import AlertInbox
from ops.stack.stack import Stack

# So long after a start of the machine, everything runs again.
_SETTLED_S = 900.0


def alert_inbox(stack: Stack) -> AlertInbox:
    """Return the folder in which alerts wait for their messages."""
    return AlertInbox((stack.root / stack.config.events).parent)


def silent_since(stack: Stack, now: float) -> float | None:
    """Return since when no alert can have arrived, in seconds since the epoch, as the one that always fires does not.

    None if it does, if nothing raises alerts, or if everything has just been started.
    """
    beat = alert_inbox(stack).heartbeat()
    if "alertmanager" not in stack.config.services or not beat.expected or time.clock_gettime(time.CLOCK_BOOTTIME) < _SETTLED_S:
        return None
    return (beat.last or beat.expected) if beat.is_silent(now) else None
