"""The dashboard of protection: who is kept out, and why."""

from __future__ import annotations

from stack_components.monitoring.dashboards.board import ALERTS, Row, board
from stack_components.monitoring.dashboards.overview import EDGE
from stack_components.monitoring.dashboards.panels import RATE, Panel, bars, figure, graph
from stack_components.monitoring.dashboards.shown import Shown

UID = "protection"


def protection(shown: Shown) -> str:
    """Return the dashboard of protection; without CrowdSec, of logins and refusals alone."""
    crowdsec = shown.runs("crowdsec")
    rows = [
        Row("Bans", [_bans(), _why()] if crowdsec else []),
        Row("Logins", [_logins()]),
        Row("Refused at the edge", [_refused()]),
        Row("CrowdSec at work", [_at_work()] if crowdsec else []),
    ]
    return board(UID, "Protection", "Who is kept out, and why?", rows, marks=(ALERTS,), since="now-24h")


def _bans() -> list[Panel]:
    own = 'sum(cs_active_decisions{origin!~"CAPI|lists"}) or vector(0)'
    shared = 'sum(cs_active_decisions{origin=~"CAPI|lists"}) or vector(0)'
    return [
        figure("Bans of our own", "none", own, what="`regops who-is-banned` lists them."),
        figure("Bans that others share", "none", shared),
        figure(
            "Scenarios met in all",
            "none",
            "sum(increase(cs_bucket_overflowed_total[$__range])) or vector(0)",
            what="In the time that is shown.",
        ),
    ]


def _why() -> list[Panel]:
    own = 'sum by (reason) (cs_active_decisions{origin!~"CAPI|lists"})'
    return [
        bars("Our bans, by reason", "none", {"{{reason}}": own}),
        graph("Scenarios met", "none", {"{{name}}": f"sum by (name) (increase(cs_bucket_overflowed_total{RATE}))"}),
    ]


def _logins() -> list[Panel]:
    refused = {"{{reason}}": f"sum by (reason) (increase(gateway_refused_logins_total{RATE}))"}
    return [
        graph("Refused logins", "none", refused, what="`regops status` names accounts that are refused again and again."),
        graph("Tokens", "ops", {"tokens": f"sum(rate(gateway_tokens_issued_total{RATE}))"}),
    ]


def _refused() -> list[Panel]:
    count = "caddy_http_request_duration_seconds_count"
    refused = f'sum by (code) (rate({count}{{{EDGE},code=~"4.."}}{RATE}))'
    served = f"sum(rate({count}{{{EDGE}}}{RATE}))"
    busy = f'(sum(rate({count}{{{EDGE},code=~"429|503"}}{RATE})) or {served} * 0)'
    what = "Too many at once, or writes that have waited too long for a maintenance: clients try again."
    return [
        graph("Refusals", "reqps", {"{{code}}": refused}, what="401 and 404 are part of normal traffic."),
        graph(
            "Share that was told to come back later", "percentunit", {"429 and 503": f"{busy} / {served}"}, what=what, highest=1
        ),
    ]


def _at_work() -> list[Panel]:
    lines = {
        "read": f"sum(rate(cs_filesource_hits_total{RATE}))",
        "understood": f"sum(rate(cs_parser_hits_ok_total{RATE}))",
        "not understood": f"sum(rate(cs_parser_hits_ko_total{RATE}))",
    }
    asked = f"sum by (bouncer) (rate(cs_lapi_bouncer_requests_total{RATE}))"
    return [
        graph("Lines of the access log", "ops", lines),
        graph("Questions of the edge", "reqps", {"{{bouncer}}": asked}),
    ]
