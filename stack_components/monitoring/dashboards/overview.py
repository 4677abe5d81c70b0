"""The overview: whether all is well."""

from __future__ import annotations

from ops.config import PROBE_JOB
from stack_components.monitoring.dashboards.board import ALERTS, STARTS, Row, board
from stack_components.monitoring.dashboards.panels import (
    RATE,
    Panel,
    bars,
    figure,
    graph,
    quantiles,
    states,
    up_or_down,
    with_zeros,
)
from stack_components.monitoring.dashboards.shown import Shown

UID = "overview"
_DAY_S = 86_400
_BUDGET, _HOST, _RECOVERY = "error-budget", "host", "recovery"
_FAILURES = (1, 10, 12, 13, 14, 130, 143)
# 75: something was in its way. 3: done, with warnings.
_FAILED = "((regops_task_exit_code != 0) != 3) != 75"
# The handler that every request to the edge's sites passes exactly once.
EDGE = 'handler="subroute"'


def overview(shown: Shown) -> str:
    """Return the overview."""
    requests = "registry_http_requests_total"
    manifests = f'{requests}{{handler="manifest",method="%s"}}'
    answered = f"sum by (code) (rate({requests}{RATE}))"
    failed = f'sum(rate({requests}{{code=~"5.."}}{RATE}))'
    traffic = {
        "pulls": with_zeros(f"sum(rate({manifests % 'get'}{RATE}))", f"sum(rate({requests}{RATE}))"),
        "pushes": with_zeros(f"sum(rate({manifests % 'put'}{RATE}))", f"sum(rate({requests}{RATE}))"),
    }
    share = f"({with_zeros(failed, f'sum(rate({requests}{RATE}))')}) / sum(rate({requests}{RATE}))"
    rows = [
        Row("Now", [_now(shown)]),
        Row(
            "What clients see",
            [
                _seen(shown),
                [graph("Images pulled and pushed", "ops", traffic), graph("Answers", "reqps", {"{{code}}": answered})],
            ],
        ),
        Row(
            "How well",
            [
                [
                    graph("Share of answers that are errors", "percentunit", {"errors": share}, highest=1),
                    graph("Time to answer", "s", quantiles("registry_http_request_duration_seconds_bucket")),
                    graph("Data sent", "Bps", {"to clients": f"sum(rate(caddy_http_response_size_bytes_sum{{{EDGE}}}{RATE}))"}),
                ]
            ],
        ),
        Row("Tasks", [_tasks(shown)]),
        Row("What fires", [[_alerts()]]),
    ]
    return board(UID, "Overview", "Is all well?", rows, marks=(ALERTS, STARTS))


def _now(shown: Shown) -> list[Panel]:
    free = 'min(node_filesystem_avail_bytes{disk!=""} / node_filesystem_size_bytes{disk!=""})'
    firing = 'count(ALERTS{alertstate="firing",severity!="none"}) or vector(0)'
    probed = [
        figure(
            "Registry is up", "bool_yes_no", f'min(probe_success{{job="{PROBE_JOB}"}})', steps=[1], falling=True, leads_to=_BUDGET
        ),
        figure(
            "Error budget left",
            "percentunit",
            "min(registry:error_budget:left_30d)",
            what="Of the 30 days until now.",
            steps=[0, 0.25],
            falling=True,
            leads_to=_BUDGET,
        ),
    ]
    measured = [
        figure(
            "Free disk space", "percentunit", free, what="Of the fuller disk.", steps=[0.1, 0.2], falling=True, leads_to=_HOST
        ),
        figure("Tasks that failed", "none", f"count({_FAILED}) or vector(0)", what="At their last run.", steps=[1]),
    ]
    return [
        *(probed if shown.runs("blackbox-exporter") else []),
        figure("Services without metrics", "none", "count(up == 0) or vector(0)", steps=[1], leads_to=_HOST),
        figure("Alerts", "none", firing, steps=[1]),
        *(measured if shown.runs("node-exporter") else []),
    ]


def _seen(shown: Shown) -> list[Panel]:
    probed = (
        {"the registry, as clients ask it": f'min(probe_success{{job="{PROBE_JOB}"}})'} if shown.runs("blackbox-exporter") else {}
    )
    return [up_or_down("What answers", {**probed, "{{job}}": f'min by (job) (up{{job!="{PROBE_JOB}"}})'})]


def _tasks(shown: Shown) -> list[Panel]:
    if not shown.runs("node-exporter"):
        return []
    since = "time() - max by (task) (regops_task_last_success_timestamp_seconds)"
    failed = {code: (f"failed ({code})", "red") for code in _FAILURES}
    names = {0: ("well", "green"), 3: ("warnings", "yellow"), 75: ("did not start", "blue"), **failed}
    return [
        bars("Since the last success", "s", {"{{task}}": since}, steps=[7 * _DAY_S, 8 * _DAY_S]),
        states("How runs ended", {"{{task}}": "max by (task) (regops_task_exit_code)"}, names),
    ]


def _alerts() -> Panel:
    fires = 'max by (alertname, service) (ALERTS{alertstate="firing",severity!="none"})'
    return states("Alerts", {"{{alertname}} ({{service}})": fires}, {1: ("fires", "red")}, what="Empty while none fires.")
