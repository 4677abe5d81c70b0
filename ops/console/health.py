"""How the registry is, as Home says it: what does not work, what needs a person, and the figures that matter."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import urllib3

from ops.backups.standing import Drilled, Good, standing_of
from ops.config import PROBE_JOB
from ops.console.prometheus import Prometheus
from ops.console.running import RUNNING, Running, running
from ops.core.findings import FAILED, OK, SKIPPED, WARNING, Check
from ops.registry.read_only import accepts_writes, by_hand, holder_of
from ops.runs.history import Run, history_of
from ops.stack.prometheus import Alert
from ops.stack.registry import read_only_of
from ops.stack.stack import Stack
from ops.tasks.doctor.checks.alerts import alerts as arriving
from ops.tasks.doctor.checks.backups import backups
from ops.tasks.doctor.checks.channels import channels
from ops.tasks.doctor.checks.host import disk
from ops.tasks.doctor.checks.logins import logins
from ops.tasks.doctor.checks.mirror import mirror
from ops.tasks.doctor.checks.tasks import tasks

State = Literal["well", "attention", "broken"]
_PATIENCE_S = 3.0
_ANSWERS = (200, 401)
_ANSWERS_CHECK = Check("registry", OK, "answers")
_SILENT_CHECK = Check("registry", FAILED, "does not answer: pulls and pushes fail", "`regops doctor` finds the reason")
# The end of the last alert, in the last month. An alert that is not the watchdog's has a severity that somebody acts on.
_LAST_ALERT = 'max(max_over_time(timestamp(ALERTS{alertstate="firing",severity!="none"})[30d:5m]))'
# Not from the first day of a new stack, which says nothing about the next ones.
_FULL_IN = (
    'min(node_filesystem_avail_bytes{disk!=""} / -(deriv(node_filesystem_avail_bytes{disk!=""}[3d]) < 0)'
    ' and node_filesystem_avail_bytes{disk!=""} offset 1d)'
)
_AVAILABILITY = f'avg(avg_over_time(probe_success{{job="{PROBE_JOB}"}}[90d]))'
_BUDGET_LEFT = "registry:error_budget:left_30d"


@dataclass(frozen=True)
class Health:
    """How the registry is.

    Attributes:
        state: `broken` if clients notice, `attention` if a person should act, else `well`.
        sentence: The same as a sentence.
        since: Since when all has been well, in seconds since 1970; None if it is not, or nobody knows.
        checks: What was looked at here.
        alerts: What fires; None if Prometheus does not answer, or is left out.
        services: What should run.
        good: The last good backup.
        drilled: The last drill.
        collected: The last garbage collection that went well.
        disk_full_s: In how many seconds the disk is full, if it goes on like in the last three days; None if it does not fill.
        availability: Which share of the probes succeeded in the last 90 days, as far as Prometheus keeps them; None if unknown.
        budget: Which share of the month's error budget is left; None if that is unknown.
    """

    state: State
    sentence: str
    since: float | None
    checks: Sequence[Check]
    alerts: Sequence[Alert] | None
    services: Sequence[Running]
    good: Good | None = None
    drilled: Drilled | None = None
    collected: Run | None = None
    disk_full_s: float | None = None
    availability: float | None = None
    budget: float | None = None
    at: float = field(default_factory=time.time)

    @property
    def needs(self) -> list[Check]:
        """What a person should act on, the gravest first."""
        found = [check for check in self.checks if check.state in (FAILED, WARNING)]
        return sorted(found, key=lambda check: check.state != FAILED)


@dataclass
class Observer:
    """Looks at a stack; not more often than every few seconds, however many people have the page open.

    Attributes:
        stack: The stack.
        registry_url: Where the registry is asked whether it answers.
        prometheus: Its Prometheus; None without.
        every_s: For how many seconds a look is good.
    """

    stack: Stack
    registry_url: str
    prometheus: Prometheus | None
    every_s: float = 5.0
    _last: Health | None = None
    _pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=8, timeout=_PATIENCE_S, retries=False))

    def health(self) -> Health:
        """Return how the registry is."""
        last = self._last
        if last is None or not 0 <= time.time() - last.at < self.every_s:
            last = self._last = self._look()
        return last

    def _look(self) -> Health:
        stack, asked = self.stack, self.prometheus
        answers = self._registry_answers()
        looks: Mapping[str, Callable[[], Iterable[Check]]] = {
            "registry": lambda: [_ANSWERS_CHECK if answers else _SILENT_CHECK],
            "disk": lambda: [disk(stack)],
            "read-only mode": lambda: [self._read_only()],
            "tasks": lambda: tasks(stack),
            "backups": lambda: backups(stack),
            "mirror": lambda: mirror(stack, brief=True),
            "logins": lambda: [logins(stack)],
            "alerts": lambda: arriving(stack),
            "notify": lambda: channels(stack),
        }
        checks = [check for name, look in looks.items() for check in _found(name, look)]
        alerts = asked.alerts() if asked else None
        state, sentence = judged(checks, alerts, answers=answers)
        standing = standing_of(stack)
        return Health(
            state=state,
            sentence=sentence,
            since=asked.value(_LAST_ALERT) if asked and state == "well" else None,
            checks=checks,
            alerts=alerts,
            services=running(
                stack.config.services,
                stack.config.stack,
                asked.values(RUNNING) if asked else None,
                surely=["console", *(["edge", "registry"] if answers else [])],
            ),
            good=standing.good,
            drilled=standing.drilled,
            collected=history_of(stack).last_success("gc"),
            disk_full_s=asked.value(_FULL_IN) if asked else None,
            availability=asked.value(_AVAILABILITY) if asked else None,
            budget=asked.value(_BUDGET_LEFT) if asked else None,
        )

    def _registry_answers(self) -> bool:
        try:
            return self._pool.request("GET", f"{self.registry_url}/v2/").status in _ANSWERS
        except urllib3.exceptions.HTTPError:
            return False

    def _read_only(self) -> Check:
        """Whether writes are accepted. Who turned that off shows, but not whether their process still lives."""
        file = read_only_of(self.stack).file
        if accepts_writes(file):
            return Check("read-only mode", OK, "off: writes are accepted")
        holder = holder_of(file)
        if holder is None:
            return Check("read-only mode", WARNING, by_hand(file), "`regops status` names the file to remove")
        return Check("read-only mode", OK, f"{holder.by} has turned it on: {holder.reason}")


def _found(name: str, look: Callable[[], Iterable[Check]]) -> list[Check]:
    """Return what a look finds; what cannot be read here may be well all the same."""
    try:
        return list(look())
    except OSError as error:
        why = f"{error.filename} cannot be read by the console: {error.strerror}"
        return [Check(name, SKIPPED, why, "`regops status` looks at it from the host")]


def judged(checks: Sequence[Check], alerts: Sequence[Alert] | None, *, answers: bool) -> tuple[State, str]:
    """Return how the registry is, and the sentence that says it."""
    critical = [alert for alert in alerts or () if alert.severity == "critical"]
    if not answers:
        return "broken", "The registry does not answer: pulls and pushes fail."
    if critical:
        return "broken", f"{critical[0].summary}."
    count = sum(check.state in (FAILED, WARNING) for check in checks) + len(alerts or ())
    if count:
        return "attention", f"The registry works; {'one thing needs' if count == 1 else f'{count} things need'} a person."
    return "well", "All is well."


def fired_at(alert: Alert) -> datetime | None:
    """Return when an alert began to fire; None if Prometheus wrote that in an unknown way."""
    try:
        # Prometheus writes nanoseconds, of which Python takes six digits.
        head, _, rest = alert.since.partition(".")
        return datetime.fromisoformat(head.removesuffix("Z") + "+00:00") if rest or head else None
    except ValueError:
        return None
