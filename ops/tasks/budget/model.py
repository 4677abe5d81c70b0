"""What the error budget is, and what has spent it: as a document, and in lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops.config import OBJECTIVE, PROBE_INTERVAL_S
from ops.core import exit_codes
from ops.core.durations import duration
from ops.stack.budget import Standing

# Of the time that has passed, at least so much should have been measured; else it is said.
_MEASURED = 0.98
_WIDTH = 11


@dataclass(frozen=True)
class Incident:
    """Probes that failed one after the other.

    Attributes:
        began: When the first was, in seconds since 1970.
        probes: How many there were.
        causes: What happened at that time, as far as it is known.
    """

    began: float
    probes: int
    causes: Sequence[str] = ()

    @property
    def seconds(self) -> float:
        """What it cost."""
        return float(self.probes * PROBE_INTERVAL_S)

    @property
    def ended(self) -> float:
        """When the registry answered again, in seconds since 1970, give or take half a minute."""
        return self.began + self.seconds


@dataclass(frozen=True)
class Report:
    """How the budget stands.

    Attributes:
        what: The time that it is for: `the last 30 days`, `November 2026`.
        since: From when on probes count, in seconds since 1970.
        until: Until when.
        standing: The sums; None if they are not known.
        incidents: What has spent it, the latest last.
        unknown: Why they are not known.
    """

    what: str
    since: float
    until: float
    standing: Standing | None
    incidents: Sequence[Incident] = ()
    unknown: str = ""

    @property
    def measured(self) -> float:
        """The share of the time that has passed for which there are probes."""
        probes = self.standing.probes if self.standing else 0
        return min(1.0, probes * PROBE_INTERVAL_S / max(1.0, self.until - self.since))

    @property
    def exit_code(self) -> int:
        """With a warning when it is overspent."""
        if self.standing is None:
            return exit_codes.UNREACHABLE
        return exit_codes.WARNINGS if self.standing.left_s < 0 else exit_codes.OK

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document. Times are in UTC, lengths in seconds."""
        found: dict[str, Any] = {
            "what": self.what,
            "since": _iso(self.since),
            "until": _iso(self.until),
            "objective": OBJECTIVE,
            "unknown": self.unknown or None,
        }
        if standing := self.standing:
            found |= {
                "probes": standing.probes,
                "failed_probes": standing.failed,
                "measured_share": round(self.measured, 4),
                "allowed_seconds": round(standing.allowed_s),
                "spent_seconds": round(standing.spent_s),
                "left_seconds": round(standing.left_s),
                "writes_held_seconds": round(standing.held_s, 1),
                "writes_refused_seconds": round(standing.refused_s, 1),
                "left_for_maintenance_seconds": round(standing.left_for_maintenance_s),
                "incidents": [
                    {"began": _iso(one.began), "seconds": round(one.seconds), "causes": list(one.causes)}
                    for one in self.incidents
                ],
            }
        return found


def lines_of(report: Report) -> Iterator[str]:
    """Yield a report as text."""
    yield f"{report.what}, since {_utc(report.since)}: {OBJECTIVE:.1%} of the probes of the registry have to succeed"
    standing = report.standing
    if standing is None:
        yield _line("unknown", report.unknown)
        return
    yield _line("measured", _measured(report, standing))
    spent = f"{duration(standing.spent_s)} of {duration(standing.allowed_s)}"
    count = len(report.incidents)
    by = f", by {count} incident{'s' * (count > 1)}" if count else ": no probe has failed"
    yield _line("spent", f"{spent}{by}")
    for incident in report.incidents:
        causes = "; ".join(incident.causes) or "nothing else is known of that time"
        yield _line("", f"{_utc(incident.began)}  {duration(incident.seconds)}: {causes}")
    over = f"nothing: it is overspent by {duration(-standing.left_s)}"
    left = f"{duration(standing.left_s)}, {standing.left_s / standing.allowed_s:.0%} of it"
    yield _line("left", over if standing.left_s < 0 else left)
    yield _line("apart", _maintenance(standing))


def _measured(report: Report, standing: Standing) -> str:
    if not standing.probes:
        return "nothing yet: a new Prometheus has its first probe within a minute"
    text = f"by {standing.probes} probes, one each {PROBE_INTERVAL_S} s"
    if report.measured < _MEASURED:
        return f"{text}: only {100 * report.measured:.2g}% of that time; what is not measured counts as neither good nor bad"
    return text


def _maintenance(standing: Standing) -> str:
    if not standing.holds:
        return "no task has held writes for maintenance"
    refused = f"new ones were refused for {duration(standing.refused_s)} of it" if standing.refused_s >= 1 else "none was refused"
    return f"writes waited for maintenance for {duration(standing.held_s)} in all, and {refused}; pulls went on"


def _line(name: str, text: str) -> str:
    return f"{name:{_WIDTH}}{text}"


def _utc(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}Z"


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
