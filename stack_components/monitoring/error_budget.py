"""The registry's error budget: how many probes may fail, and the alerts when too many do."""

from __future__ import annotations

from collections.abc import Iterator

from ops.config import OBJECTIVE, PROBE_INTERVAL_S, PROBE_JOB
from stack_components.monitoring.rules import Group, Record, alert

# What may fail: of 30 days 3 h 36 min.
_BUDGET = 1 - OBJECTIVE
_HOUR_S = 3600
_WINDOWS_S = {"5m": 300, "30m": 1800, "1h": _HOUR_S, "2h": 2 * _HOUR_S, "6h": 6 * _HOUR_S, "1d": 24 * _HOUR_S, "3d": 72 * _HOUR_S}
_MONTH = ("30d", 30 * 24 * _HOUR_S)


def error_budget(logs: str) -> Iterator[Group]:
    """Yield the error budget's rules for several windows and burn rates.

    Source: https://sre.google/workbook/alerting-on-slos/ (6: multiwindow, multi-burn-rate alerts).
    """
    name = "registry:probe_errors:ratio_{window}"

    def over(window: str, rate: float) -> str:
        return f"{name.format(window=window)} > {rate * _BUDGET:.4g}"

    def burns(long: str, short: str, rate: float) -> str:
        return f"({over(long, rate)} and {over(short, rate)})"

    records = [Record(record=name.format(window=window), expr=failed(window, length)) for window, length in _WINDOWS_S.items()]
    see = f"The dashboard shows when it began; see what `{logs}-edge` and `{logs}-registry` say about that time."
    yield Group(
        name="error-budget",
        rules=[
            *records,
            alert(
                "ErrorBudgetBurnsFast",
                f"{burns('1h', '5m', 14.4)} or {burns('6h', '30m', 6)}",
                hold=None,
                severity="critical",
                service="registry",
                summary="{{ $value | humanizePercentage }} of the registry's probes are failing",
                to_do=f"At this rate the month's error budget will be gone within days. {see}",
            ),
            alert(
                "ErrorBudgetBurnsSlowly",
                f"{burns('1d', '2h', 3)} or {burns('3d', '6h', 1)}",
                hold="5m",
                severity="warning",
                service="registry",
                summary="{{ $value | humanizePercentage }} of the registry's probes have been failing for a long time",
                to_do=f"At this rate the error budget will not last the month. {see}",
            ),
        ],
    )
    month, length = _MONTH
    left = Record(record=f"registry:error_budget:left_{month}", expr=f"1 - {failed(month, length)} / {_BUDGET:.4g}")
    yield Group(name="error-budget-month", interval="5m", rules=[left])


def failed(window: str, seconds: int) -> str:
    """Return the share of failed probes. Missing ones do not count as failed: a new stack has few, and its first ones fail."""
    probes = f'probe_success{{job="{PROBE_JOB}"}}[{window}]'
    return f"(count_over_time({probes}) - sum_over_time({probes})) / {seconds // PROBE_INTERVAL_S}"
