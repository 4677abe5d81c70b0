"""When each alert of monitoring itself, of the gateway, of the cache and of containers fires, and when it stays quiet."""

from __future__ import annotations

from tests.stack_components.monitoring.alert_cases import UP, Case

_ITS = 'instance="p",job="prometheus"'
_PROMETHEUS = {"instance": "p", "job": "prometheus"}
_ALIVE = f"up{{{_ITS}}}"
_TSDB = f"prometheus_tsdb_%s_total{{{_ITS}}}"
_SINCE = f"process_start_time_seconds{{{_ITS}}}"
_RULES = 'prometheus_rule_evaluation_failures_total{rule_group="rules.yml;host"}'
_DROPPED, _AWAY = "prometheus_notifications_dropped_total", UP % "alertmanager"
_POLICY = 'redis_instance_info{maxmemory_policy="%s"}'
_PERIODS = 'container_cpu_cfs_%speriods_total{id="/docker/1",name="registry"}'
_REGISTRY = {"id": "/docker/1", "name": "registry"}
_SEEN, _STARTED = 'container_last_seen{name="%s"}', 'container_start_time_seconds{name="%s"}'
# Services without metrics of their own: what stands for them is their container.
_ALL_SEEN = {_SEEN % name: "1x60" for name in ("ui", "regsync", "cadvisor-socket", "registry")}

FIRING = [
    Case(
        "its disk is full",
        "MetricsNotStored",
        {},
        "5m",
        "Prometheus stores no metrics, so no other alert can fire",
        {"job": "prometheus"},
    ),
    Case(
        "two series have the same labels",
        "RulesFail",
        {_RULES: "0+1x60"},
        "10m",
        "Alerts of rules.yml;host cannot be evaluated",
        {"rule_group": "rules.yml;host"},
    ),
    Case(
        "its configuration is refused",
        "PrometheusReloadFailed",
        {"prometheus_config_last_reload_successful": "0x20"},
        "5m",
        "Prometheus rejected its new configuration",
    ),
    *(
        Case(
            name,
            "PrometheusStorageFails",
            {_TSDB % counter: seen, _SINCE: "0x60"},
            "10m",
            "Prometheus cannot read or write some of its own data",
            _PROMETHEUS,
        )
        for name, counter, seen in (
            ("the power failed while it wrote", "wal_corruptions", "1x60"),
            ("a block cannot be written", "compactions_failed", "0x10 1x50"),
            ("its log cannot be shortened", "checkpoint_creations_failed", "0x10 1x50"),
            ("what it has in memory cannot be written", "head_truncations_failed", "0x10 1x50"),
            ("a block cannot be read", "reloads_failures", "0x10 1x50"),
        )
    ),
    Case(
        "it has stopped",
        "AlertmanagerDown",
        {_AWAY: "0x20"},
        "5m",
        "Alerts are not sent: Alertmanager is not responding",
        {"job": "alertmanager"},
    ),
    Case(
        "it refuses them",
        "AlertsDropped",
        {_DROPPED: "0+1x60", _AWAY: "1x60"},
        "16m",
        "Prometheus cannot hand its alerts to Alertmanager",
    ),
    Case(
        "its configuration is refused",
        "AlertmanagerReloadFailed",
        {"alertmanager_config_last_reload_successful": "0x20"},
        "5m",
        "Alertmanager rejected its new configuration",
    ),
    Case(
        "nobody gets a token",
        "GatewayDown",
        {UP % "gateway": "0x20"},
        "2m",
        "Nobody can pull or push: the gateway, which issues tokens, is not responding",
        {"job": "gateway"},
    ),
    Case(
        "nobody can reach the edge",
        "RegistryDown",
        {'up{job="edge",instance="e"}': "0x20"},
        "2m",
        "The registry is not responding (e)",
        {"job": "edge", "instance": "e"},
    ),
    Case(
        "somebody has changed it",
        "CachePolicyWrong",
        {_POLICY % "noeviction": "1x40"},
        "5m",
        "The cache's eviction policy is noeviction, not allkeys-lru",
        {"maxmemory_policy": "noeviction"},
    ),
    Case(
        "two entries a second",
        "CacheEvicts",
        {"redis_evicted_keys_total": "0+60x200"},
        "90m",
        "The cache is too small: it drops 2 entries a second",
    ),
    Case(
        "10,000 are open",
        "CacheRejectsConnections",
        {"redis_rejected_connections_total": "0+1x60"},
        "10m",
        "The cache refuses connections: too many are open",
    ),
    Case(
        "in two of three periods",
        "ContainerThrottled",
        {_PERIODS % "": "0+300x120", _PERIODS % "throttled_": "0+180x120"},
        "35m",
        "registry is held up by its CPU limit 60% of the time",
        _REGISTRY,
    ),
    Case(
        "the mirror's container is gone",
        "ServiceStopped",
        {**_ALL_SEEN, _SEEN % "regsync": "1x10 stale"},
        "11m",
        "regsync is not running",
        {"name": "regsync"},
    ),
    Case(
        "it dies and comes back",
        "ContainerRestarts",
        {_STARTED % "ui": "100x20 200x20 300x40"},
        "21m",
        "ui was restarted 2 times in half an hour",
        {"name": "ui"},
    ),
]
QUIET = [
    Case("it scrapes itself", "MetricsNotStored", {_ALIVE: "1x20"}, "6m"),
    Case("an evaluation failed an hour ago", "RulesFail", {_RULES: "0x4 1x140"}, "70m"),
    Case("its configuration is accepted", "PrometheusReloadFailed", {"prometheus_config_last_reload_successful": "1x20"}, "8m"),
    Case(
        "all is well",
        "PrometheusStorageFails",
        {_TSDB % "wal_corruptions": "0x60", _TSDB % "compactions_failed": "3x60", _SINCE: "0x60"},
        "20m",
    ),
    Case("it was repaired days ago", "PrometheusStorageFails", {_TSDB % "wal_corruptions": "1x60", _SINCE: "-90000x60"}, "20m"),
    Case("a restart of Alertmanager", "AlertmanagerDown", {_AWAY: "0x8 1x20"}, "8m"),
    Case("Alertmanager is away, which is another alert", "AlertsDropped", {_DROPPED: "0+1x60", _AWAY: "0x60"}, "20m"),
    Case("it was away until a moment ago", "AlertsDropped", {_DROPPED: "0+1x40 40x60", _AWAY: "0x40 1x60"}, "26m"),
    Case(
        "its configuration is accepted",
        "AlertmanagerReloadFailed",
        {"alertmanager_config_last_reload_successful": "1x20"},
        "8m",
    ),
    Case("a restart of the gateway", "GatewayDown", {UP % "gateway": "1x10 0x2 1x20"}, "7m"),
    Case("as it should be", "CachePolicyWrong", {_POLICY % "allkeys-lru": "1x40"}, "15m"),
    Case("an entry in ten seconds", "CacheEvicts", {"redis_evicted_keys_total": "0+3x200"}, "90m"),
    Case("none is refused", "CacheRejectsConnections", {"redis_rejected_connections_total": "7x60"}, "20m"),
    Case("in one of ten periods", "ContainerThrottled", {_PERIODS % "": "0+300x120", _PERIODS % "throttled_": "0+30x120"}, "50m"),
    Case("all run", "ServiceStopped", _ALL_SEEN, "15m"),
    Case("cAdvisor sees none, which is another alert", "ServiceStopped", {}, "15m"),
    Case("`up` has replaced it", "ContainerRestarts", {_STARTED % "ui": "100x20 200x60"}, "30m"),
    Case("that of a service with metrics is another alert", "ContainerRestarts", {_STARTED % "edge": "1x20 2x20 3x40"}, "21m"),
]
