"""How long each scheduled task may go without doing its work, and which have gone without for too long."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops.config import DRILLED_WITHIN_DAYS
from ops.runs.history import NOT_STARTED, Run
from ops.runs.marks import Mark

_HOUR_S, _DAY_S = 3600.0, 86_400.0
# Seconds from one run to the next: docs/schedule.md.
PERIODS_S: Mapping[str, float] = {
    "backup": 6 * _HOUR_S,
    "bans": 300.0,
    "changes": 600.0,
    "doctor": _HOUR_S,
    "drill": 7 * _DAY_S,
    "gc": 7 * _DAY_S,
    "notify": 300.0,
    "prune": 7 * _DAY_S,
    "retention": _DAY_S,
    "scrub": _DAY_S,
    "snapshot": _DAY_S,
    "sync": 6 * _HOUR_S,
    "verify": _DAY_S,
}
# What runs a task, after `regops`.
COMMANDS = {
    "backup": "backup",
    "bans": "who-is-banned --note",
    "changes": "changes",
    "doctor": "doctor",
    "drill": "drill",
    "gc": "gc",
    "gc-recover": "gc --recover",
    "notify": "notify",
    "prune": "backups prune",
    "recover": "recover",
    "requests": "requests run",
    "retention": "retention",
    "scrub": "scrub",
    "snapshot": "snapshot create",
    "sync": "sync",
    "verify": "verify",
}
# What only people start: whoever typed it reads how it ended, so a typo is no state of the registry.
BY_HAND = frozenset(
    {
        "backup-plan",
        "delete",
        "delete-plan",
        "drill-plan",
        "export",
        "gc-plan",
        "mirror",
        "mirror-plan",
        "prune-plan",
        "rehearse",
        "restore",
        "restore-plan",
        "retention-plan",
        "scrub-plan",
        "sync-entries",
        "unban",
        "unban-plan",
    }
)
# One run that something was in the way of is nobody's business: a large push on a Sunday morning. This many in a row are.
IN_A_ROW = 2
# What should be known to work may not go without as long as the rest.
_LIMITS_S: Mapping[str, float] = {"drill": DRILLED_WITHIN_DAYS * _DAY_S}
# What runs every few minutes may be kept waiting for longer than that.
_AT_LEAST_S = _HOUR_S
# Nobody remembers what was said about the last run of a task that is as rare as this.
_RARE_S = 7 * _DAY_S
# After a start of the machine, runs that were missed are made up for, one after the other.
_SETTLED_S = 3 * _HOUR_S


@dataclass(frozen=True)
class Missed:
    """A task that could not do its work for too long, because something else was in the way.

    Attributes:
        done: When its work was last done, in seconds since 1970; None if that is unknown.
        times: How many runs in a row did not start.
        tell: Whether to tell the operator now: the first time, and each further time if the task is rare.
        again: Whether it has been told before.
    """

    done: float | None
    times: int
    tell: bool
    again: bool


def limit_s(task: str) -> float | None:
    """Return for how many seconds a task may go without doing its work; None if it has no schedule.

    Half a period less than the runs in a row take: runs start a little earlier or later than planned.
    """
    period = PERIODS_S.get(task)
    return None if period is None else _LIMITS_S.get(task, max(_AT_LEAST_S, (IN_A_ROW - 0.5) * period))


def missed(task: str, runs: Sequence[Run], mark: Mark | None) -> Missed | None:
    """Return what to say about a task whose last runs did not start; None if it is not for too long yet.

    It counts time since the work was last done, not attempts: somebody who tries again by hand adds attempts, but no time.

    Args:
        task: Its name.
        runs: Its runs, oldest first.
        mark: What else is known about it.
    """
    limit, in_a_row = limit_s(task), _not_started(runs)
    if limit is None or not in_a_row or (mark is not None and mark.well):
        return None
    period, last = PERIODS_S[task], in_a_row[-1]
    done = _done(runs, mark)
    if done is not None and done > last.at:
        done = None  # by a clock that was ahead
    in_a_row = [run for run in in_a_row if done is None or run.at > done]  # not all that went well is in the history
    since = in_a_row[0].at - period if done is None else done
    late = [run for run in in_a_row if run.at - since >= limit]
    if not late or late[-1] is not last:
        return None
    rare = period >= _RARE_S and all(last.at - run.at >= period / 2 for run in late[-2:-1])
    return Missed(done, len(in_a_row), tell=len(late) == 1 or rare, again=len(late) > 1)


def silent_since(task: str, runs: Sequence[Run], mark: Mark | None, *, now: float, up_s: float, known_s: float) -> float | None:
    """Return since when a task has not even been tried; None if that is not too long ago.

    Args:
        task: One that a timer should start.
        runs: Its runs.
        mark: What else is known about it.
        now: In seconds since 1970.
        up_s: For how many seconds the machine has been running.
        known_s: Since when it has been expected if nothing is known about it, in seconds since 1970.
    """
    limit = limit_s(task)
    tried = [run.at for run in runs] + ([mark.tried] if mark else [])
    since = max((at for at in tried if at <= now), default=min(known_s, now))
    return since if limit is not None and up_s >= _SETTLED_S and now - since > limit else None


def _not_started(runs: Sequence[Run]) -> list[Run]:
    """Return the last runs that did not start, oldest first."""
    return list(itertools.takewhile(lambda run: run.state == NOT_STARTED, reversed(runs)))[::-1]


def _done(runs: Sequence[Run], mark: Mark | None) -> float | None:
    times = [run.at for run in runs if run.went_well] + ([mark.done] if mark and mark.done is not None else [])
    return max(times, default=None)
