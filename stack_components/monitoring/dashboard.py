"""The registry dashboard: what clients see, what happens inside, and the host below."""

from __future__ import annotations

from typing import Any

from infra.plan import Plan
from stack_components.monitoring.panels import Panel, graph, placed, stat
from stack_components.monitoring.prometheus import PROBE_JOB

UID = "registry"
_RATE = "[$__rate_interval]"
# The handler that every request to the edge's sites passes exactly once.
_EDGE = '{handler="subroute"}'


def registry_dashboard(plan: Plan) -> dict[str, Any]:
    """Return the dashboard, with panels for the services that run."""
    figures = [
        *(_probe_figures() if plan.runs("blackbox-exporter") else []),
        stat("Services without metrics", "count(up == 0) or vector(0)", "none", good_from=1, reversed_=True),
        stat("Alerts", 'count(ALERTS{alertstate="firing",severity!="none"}) or vector(0)', "none", good_from=1, reversed_=True),
    ]
    graphs = [
        *_requests(),
        *_inside(),
        *_gateway(),
        *(_probes() if plan.runs("blackbox-exporter") else []),
        *(_cache() if plan.runs("redis-exporter") else []),
        *(_containers() if plan.runs("cadvisor") else []),
        *(_host() if plan.runs("node-exporter") else []),
    ]
    return {
        "uid": UID,
        "title": "Registry",
        "tags": ["private-registry"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": []},
        "annotations": {"list": []},
        "panels": placed([*figures, *graphs]),
    }


def _probe_figures() -> list[Panel]:
    return [
        stat("Registry is up", f'min(probe_success{{job="{PROBE_JOB}"}})', "bool_yes_no", good_from=1),
        stat("Error budget left (30 days)", "min(registry:error_budget:left_30d)", "percentunit", good_from=0.25),
    ]


def _requests() -> list[Panel]:
    """Return request rate, errors and duration by handler."""
    seconds = f"sum by (le, handler) (rate(registry_http_request_duration_seconds_bucket{_RATE}))"
    errors = f'sum by (handler) (rate(registry_http_requests_total{{code=~"5.."}}{_RATE}))'
    refused = f'sum by (code) (rate(registry_http_requests_total{{code=~"4.."}}{_RATE}))'
    return [
        graph("Requests", "reqps", {"{{handler}}": f"sum by (handler) (rate(registry_http_requests_total{_RATE}))"}),
        graph("Errors", "reqps", {"{{handler}}": errors}),
        graph("Request duration (p99)", "s", {"{{handler}}": f"histogram_quantile(0.99, {seconds})"}),
        graph("Client errors (401 and 404 are part of normal traffic)", "reqps", {"{{code}}": refused}),
    ]


def _inside() -> list[Panel]:
    hits = f"sum(rate(registry_storage_cache_hits_total{_RATE}))"
    asked = f"sum(rate(registry_storage_cache_requests_total{_RATE}))"
    seconds = f"sum by (le, action) (rate(registry_storage_action_seconds_bucket{_RATE}))"
    return [
        graph("Cache hit ratio", "percentunit", {"hits": f"{hits} / {asked}"}, highest=1),
        graph("Storage duration (p99)", "s", {"{{action}}": f"histogram_quantile(0.99, {seconds})"}),
        graph("Events waiting for delivery", "none", {"{{endpoint}}": "registry_notifications_pending_total"}),
        graph("Edge: data sent", "Bps", {"to clients": f"sum(rate(caddy_http_response_size_bytes_sum{_EDGE}{_RATE}))"}),
    ]


def _gateway() -> list[Panel]:
    seconds = f"sum by (le) (rate(gateway_event_store_seconds_bucket{_RATE}))"
    events = {
        "{{action}}": f"sum by (action) (rate(gateway_events_total{_RATE}))",
        "invalid": f"sum(rate(gateway_bad_events_total{_RATE}))",
    }
    logins = {
        "tokens": f"sum(rate(gateway_tokens_issued_total{_RATE}))",
        "refused: {{reason}}": f"sum by (reason) (rate(gateway_refused_logins_total{_RATE}))",
    }
    return [
        graph("Registry events", "ops", events),
        graph("Events: time to store (p99)", "s", {"": f"histogram_quantile(0.99, {seconds})"}),
        graph("Tokens and refused logins", "ops", logins),
        graph("Gateway: requests in flight", "none", {"": "gateway_requests_in_flight"}),
    ]


def _probes() -> list[Panel]:
    probed = f'{{job="{PROBE_JOB}"}}'
    return [
        graph("Probe success rate", "percentunit", {"{{instance}}": f"avg_over_time(probe_success{probed}[5m])"}, highest=1),
        graph("Probe duration", "s", {"{{instance}}": f"probe_duration_seconds{probed}"}),
    ]


def _cache() -> list[Panel]:
    memory = {"used": "redis_memory_used_bytes", "limit": "redis_memory_max_bytes"}
    commands = {"commands": f"rate(redis_commands_processed_total{_RATE})", "evicted": f"rate(redis_evicted_keys_total{_RATE})"}
    return [graph("Cache: memory", "bytes", memory), graph("Cache: commands and evictions", "ops", commands)]


def _containers() -> list[Panel]:
    limit = 'container_spec_memory_limit_bytes{name!=""} > 0'
    memory = f'max by (name) (container_memory_working_set_bytes{{name!=""}} / ({limit}))'
    cpu = f'sum by (name) (rate(container_cpu_usage_seconds_total{{name!=""}}{_RATE}))'
    return [
        graph("Containers: memory used, of their limit", "percentunit", {"{{name}}": memory}, highest=1),
        graph("Containers: CPU cores used", "none", {"{{name}}": cpu}),
    ]


def _host() -> list[Panel]:
    free = 'node_filesystem_avail_bytes{disk!=""} / node_filesystem_size_bytes{disk!=""}'
    busy = f'1 - avg(rate(node_cpu_seconds_total{{mode="idle"}}{_RATE}))'
    pressure = {kind: f"rate(node_pressure_{kind}_waiting_seconds_total{_RATE})" for kind in ("cpu", "io", "memory")}
    memory = "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes"
    return [
        graph("Host: CPU and memory in use", "percentunit", {"CPU": busy, "memory": memory}, highest=1),
        graph("Host: free disk space", "percentunit", {"{{disk}}": free}, highest=1),
        graph("Host: pressure (share of time that tasks wait)", "percentunit", pressure),
    ]
