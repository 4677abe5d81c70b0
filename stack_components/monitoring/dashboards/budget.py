"""The dashboard of the error budget: whether a fault can still be afforded, and what has spent it."""

from __future__ import annotations

from ops.config import OBJECTIVE, PROBE_JOB
from stack_components.monitoring.dashboards.board import ALERTS, STARTS, Row, board, tasks_mark
from stack_components.monitoring.dashboards.panels import Panel, figure, graph, up_or_down
from stack_components.monitoring.dashboards.shown import Shown
from stack_components.monitoring.error_budget import failed

UID = "error-budget"
_DAY_S = 86_400
_PROBED = f'{{job="{PROBE_JOB}"}}'
_RATES = {"1h": 14.4, "6h": 6, "1d": 3, "3d": 1}


def budget(shown: Shown) -> str:
    """Return the dashboard of the error budget. `regops budget` says the same in words, and names what has spent it."""
    rows = [
        Row("The last 30 days", [_figures()]),
        Row("What clients see", [_probes()]),
        Row("How fast it is spent", [_burning()]),
        Row("Read-only for maintenance, which is counted apart", [_maintenance()] if shown.runs("node-exporter") else []),
    ]
    marks = [ALERTS, STARTS, *([tasks_mark("gc", "restore", "recover")] if shown.runs("node-exporter") else [])]
    question = "May we still afford a fault, and what has spent the budget?"
    return board(UID, "Error budget", question, rows, marks=marks, since="now-30d")


def _figures() -> list[Panel]:
    seconds = round((1 - OBJECTIVE) * 30 * _DAY_S)
    month = failed("30d", 30 * _DAY_S)
    return [
        figure("Left", "percentunit", "min(registry:error_budget:left_30d)", steps=[0, 0.25], falling=True),
        figure("Left, as time", "s", f"min(registry:error_budget:left_30d) * {seconds}", steps=[0, seconds / 4], falling=True),
        figure("Spent", "s", f"max({month}) * {30 * _DAY_S}", what=f"Of {seconds} s: {1 - OBJECTIVE:.1%} of 30 days may fail."),
        figure(
            "Measured",
            "percentunit",
            f"min(count_over_time(probe_success{_PROBED}[30d])) * 30 / {30 * _DAY_S}",
            what="Of 30 days. What is not measured counts as neither.",
        ),
    ]


def _probes() -> list[Panel]:
    parts = {"{{phase}}": f"sum by (phase) (probe_http_duration_seconds{_PROBED})"}
    return [
        up_or_down("The registry, as clients ask it", {"{{instance}}": f"probe_success{_PROBED}"}),
        graph("Duration of a probe", "s", parts, stacked=True),
    ]


def _burning() -> list[Panel]:
    windows = {window: f"max(registry:probe_errors:ratio_{window}) / {1 - OBJECTIVE:.4g}" for window in _RATES}
    limits = {f"{window}: alert from {rate:g} on": f"vector({rate:g})" for window, rate in _RATES.items()}
    what = "1 spends the budget in exactly 30 days. An alert fires when the window and a shorter one are above their limit."
    return [
        graph("Burn rate, by window", "none", {**windows, **limits}, what=what),
        graph("Left", "percentunit", {"of the budget": "min(registry:error_budget:left_30d)"}),
    ]


def _maintenance() -> list[Panel]:
    held = {"garbage collection, in all": "regops_gc_read_only_seconds", "at most at once": "regops_gc_held_seconds"}
    return [
        graph("Writes held by a run", "s", held),
        graph("Writes that wait", "none", {"writes": "gateway_held_writes"}),
    ]
