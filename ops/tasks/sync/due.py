"""When an entry of the mirror is looked at again, and how soon one that failed is retried: pure."""

from __future__ import annotations

from datetime import datetime

from ops.tasks.sync.model import EntryResult, EntryState

_MINUTE_S, _HOUR_S = 60.0, 3600.0
INTERVAL_S = 6 * _HOUR_S
_FIRST_S = 15 * _MINUTE_S
_QUARANTINE_S = 24 * _HOUR_S


def again(result: EntryResult, began: float) -> float:
    """Return when an entry is due again, after a run that began at a time; both in seconds since 1970.

    What went well, and what will not get well by itself, is looked at every six hours; what may pass sooner, but more rarely each
    time; what has failed too often once a day; what waits by the next run.
    """
    match result.state:
        case EntryState.WAITING | EntryState.SKIPPED:
            return began
        case EntryState.FAILED if result.quarantined:
            return began + _QUARANTINE_S
        case EntryState.FAILED if any(failure.passes for failure in result.failures.values()):
            return began + min(_FIRST_S * 2.0 ** (result.tries - 1), INTERVAL_S)
    return began + INTERVAL_S


def in_window(window: str | None, now: datetime) -> bool:
    """Whether a time is in a window such as `22:00-06:00`, which may go past midnight. Without one, any is."""
    if window is None:
        return True
    begin, _, end = window.partition("-")
    clock = f"{now:%H:%M}"
    return begin <= clock < end if begin < end else clock >= begin or clock < end
