"""The registry's dashboard: how clients fare, and what makes them wait."""

from __future__ import annotations

from stack_components.monitoring.dashboards.board import ALERTS, STARTS, Choice, Row, board, tasks_mark
from stack_components.monitoring.dashboards.overview import EDGE
from stack_components.monitoring.dashboards.panels import RATE, Panel, graph, quantiles, with_zeros
from stack_components.monitoring.dashboards.shown import Shown

# Bookmarks and messages have known it by this one from the beginning.
UID = "registry"
_REQUESTS = "registry_http_requests_total"
_CHOSEN = 'handler=~"$handler"'


def registry(shown: Shown) -> str:
    """Return the registry's dashboard: rate, errors and duration by handler, then what is behind it."""
    rows = [
        Row("Requests", [_requests(), _durations()]),
        Row("At the edge", [_edge()]),
        Row("Storage", [_storage()]),
        Row("Cache", _cache() if shown.runs("redis-exporter") else []),
        Row("Tokens and events", [_gateway(), _events()]),
    ]
    handler = Choice("handler", "Handler", _REQUESTS)
    marks = [ALERTS, STARTS, *([tasks_mark("gc", "restore")] if shown.runs("node-exporter") else [])]
    question = "How do clients fare, and what makes them wait?"
    return board(UID, "Registry", question, rows, choices=[handler], marks=marks)


def _requests() -> list[Panel]:
    rate = f"sum by (handler) (rate({_REQUESTS}{{{_CHOSEN}}}{RATE}))"
    failed = f'sum by (handler) (rate({_REQUESTS}{{code=~"5..",{_CHOSEN}}}{RATE}))'
    refused = f'sum by (code) (rate({_REQUESTS}{{code=~"4..",{_CHOSEN}}}{RATE}))'
    return [
        graph("Rate", "reqps", {"{{handler}}": rate}),
        graph("Errors", "reqps", {"{{handler}}": with_zeros(failed, rate)}),
        graph("Refusals", "reqps", {"{{code}}": refused}, what="401 and 404 are part of normal traffic."),
    ]


def _durations() -> list[Panel]:
    seconds = f"registry_http_request_duration_seconds_bucket{{{_CHOSEN}}}"
    return [
        graph("Duration of all", "s", quantiles(seconds)),
        graph("Duration (p99)", "s", {"{{handler}}": _p99(seconds, "handler")}),
        graph("In flight", "none", {"{{handler}}": f"sum by (handler) (registry_http_in_flight_requests{{{_CHOSEN}}})"}),
    ]


def _edge() -> list[Panel]:
    return [
        graph(
            "Answers",
            "reqps",
            {"{{code}}": f"sum by (code) (rate(caddy_http_request_duration_seconds_count{{{EDGE}}}{RATE}))"},
            stacked=True,
        ),
        graph("Duration", "s", quantiles(f"caddy_http_request_duration_seconds_bucket{{{EDGE}}}")),
        graph("Data", "Bps", {"sent": _edge_bytes("response"), "received": _edge_bytes("request")}),
        graph("Writes that wait for read-only mode to end", "none", {"writes": "gateway_held_writes"}),
    ]


def _storage() -> list[Panel]:
    hits = f"sum(rate(registry_storage_cache_hits_total{RATE}))"
    asked = f"sum(rate(registry_storage_cache_requests_total{RATE}))"
    seconds = "registry_storage_action_seconds"
    return [
        graph("Operations", "ops", {"{{action}}": f"sum by (action) (rate({seconds}_count{RATE}))"}),
        graph("Duration (p99)", "s", {"{{action}}": _p99(f"{seconds}_bucket", "action")}),
        graph("Blob descriptors found in the cache", "percentunit", {"found": f"{hits} / {asked}"}, highest=1),
    ]


def _cache() -> list[list[Panel]]:
    memory = {"used": "redis_memory_used_bytes", "limit": "redis_memory_max_bytes"}
    commands = {
        "commands": f"rate(redis_commands_processed_total{RATE})",
        "evicted keys": f"rate(redis_evicted_keys_total{RATE})",
    }
    refused = {
        "refused connections": f"increase(redis_rejected_connections_total{RATE})",
        "refused commands": f"sum(increase(redis_acl_access_denied_cmd_total{RATE}))",
    }
    return [
        [
            graph("Memory", "bytes", memory),
            graph("Commands and evictions", "ops", commands),
            graph("Refused", "none", refused, what="Any of these is a fault."),
        ]
    ]


def _gateway() -> list[Panel]:
    tokens = {
        "tokens": f"sum(rate(gateway_tokens_issued_total{RATE}))",
        "refused: {{reason}}": f"sum by (reason) (rate(gateway_refused_logins_total{RATE}))",
    }
    return [
        graph("Tokens and refused logins", "ops", tokens),
        graph("Requests in flight", "none", {"requests": "gateway_requests_in_flight"}),
        graph("Events waiting for delivery", "none", {"{{endpoint}}": "registry_notifications_pending_total"}),
    ]


def _events() -> list[Panel]:
    events = {
        "{{action}}": f"sum by (action) (rate(gateway_events_total{RATE}))",
        "arrived again": f"sum(rate(gateway_repeated_events_total{RATE}))",
        "not understood": f"sum(rate(gateway_bad_events_total{RATE}))",
    }
    return [
        graph("Events", "ops", events),
        graph("Time to store an event", "s", quantiles("gateway_event_store_seconds_bucket")),
        graph("Failed uses of the events database", "none", {"failures": f"increase(gateway_database_errors_total{RATE})"}),
    ]


def _p99(seconds: str, label: str) -> str:
    return f"histogram_quantile(0.99, sum by (le, {label}) (rate({seconds}{RATE})))"


def _edge_bytes(kind: str) -> str:
    return f"sum(rate(caddy_http_{kind}_size_bytes_sum{{{EDGE}}}{RATE}))"
