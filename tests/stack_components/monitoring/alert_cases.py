"""When each alert fires, and when it stays quiet, as series that Prometheus may have seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PROBE = 'probe_success{job="probe",instance="r"}'
PROBED = {"job": "probe", "instance": "r"}
STORAGE = 'registry_storage_action_seconds_bucket{action="Stat",le="%s"}'
PUSHES = 'registry_http_requests_total{code="201",handler="manifest",method="put"}'
UPLOADS = 'caddy_http_request_duration_seconds_count{code="500",handler="subroute",method="PATCH"}'
TOLD = 'gateway_events_total{action="push"}'
SERVED = 'caddy_http_requests_total{handler="%s"}'
UP = 'up{job="%s"}'
STARTED = 'process_start_time_seconds{job="edge",instance="e"}'
MEMORY = 'container_%s_bytes{id="/docker/1",name="registry"}'
INODES = 'node_filesystem_files%s{disk="data"}'
SUCCESS = 'regops_task_last_success_timestamp_seconds{task="%s"}'
DISK = 'node_filesystem_%s_bytes{disk="data"}'


@dataclass(frozen=True)
class Case:
    """What Prometheus has seen, a sample each half minute, and what an alert makes of it.

    Attributes:
        says: Its summary; None when it does not fire.
        labels: Those beside its own.
        evaluated: How often its rules are evaluated. Half a minute, as in production, except in days of samples.
    """

    name: str
    alert: str
    series: Mapping[str, str]
    at: str
    says: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    evaluated: str = "30s"


FIRING = [
    Case("always", "Watchdog", {}, "0m", "Alerts are being evaluated"),
    Case(
        "a target is away",
        "TargetDown",
        {'up{job="grafana",instance="g"}': "0x20"},
        "5m",
        "No metrics from grafana",
        {"job": "grafana", "instance": "g"},
    ),
    Case(
        "messages fail",
        "AlertsNotDelivered",
        {'alertmanager_notifications_failed_total{integration="webhook"}': "0+1x60"},
        "10m",
        "Alertmanager cannot hand alerts over",
        {"integration": "webhook"},
    ),
    Case(
        "Prometheus cannot reach the registry",
        "RegistryDown",
        {'up{job="registry",instance="r"}': "0x20", PROBE: "1x20"},
        "2m",
        "The registry is not responding (r)",
        {"job": "registry", "instance": "r"},
    ),
    Case(
        "clients cannot reach the registry",
        "RegistryDown",
        {'up{job="registry",instance="r"}': "1x20", PROBE: "0x20"},
        "2m",
        "The registry is not responding (r)",
        PROBED,
    ),
    Case(
        "one answer in eleven is an error",
        "RegistryErrors",
        {'registry_http_requests_total{code="503"}': "0+1x60", 'registry_http_requests_total{code="200"}': "0+10x60"},
        "15m",
        "9.091% of the registry's responses are errors",
    ),
    Case(
        "uploads cannot be stored",
        "RegistryErrors",
        {UPLOADS: "0+1x60", 'registry_http_requests_total{code="200"}': "0+10x60"},
        "15m",
        "10% of the registry's responses are errors",
    ),
    Case(
        "events pile up",
        "RegistryEventsWaiting",
        {'registry_notifications_pending_total{endpoint="gateway"}': "30x40"},
        "10m",
        "30 registry events are waiting for delivery",
        {"endpoint": "gateway"},
    ),
    Case(
        "storage takes seconds",
        "RegistryStorageSlow",
        {STORAGE % "1": "0x60", STORAGE % "5": "0+10x60", STORAGE % "+Inf": "0+10x60"},
        "15m",
        "Slow storage: 1% of Stat operations take 4.96s or more",
        {"action": "Stat"},
    ),
    Case(
        "the gateway's disk is full",
        "EventsNotKept",
        {'gateway_database_errors_total{instance="g"}': "0x4 1+3x40"},
        "6m",
        "Registry events cannot be stored",
        {"instance": "g"},
    ),
    Case(
        "the gateway does not believe the registry",
        "EventsMissing",
        {PUSHES: "5x10 6x100", TOLD: "5x110"},
        "21m",
        "Images are pushed, but no events arrive",
    ),
    Case(
        "a total outage, in its fifth minute",
        "ErrorBudgetBurnsFast",
        {PROBE: "1x720 0x60"},
        "365m",
        "8.333% of the registry's probes are failing",
        PROBED,
    ),
    Case(
        "one probe in 25, for six hours",
        "ErrorBudgetBurnsFast",
        {PROBE: "1x23 0 " * 40},
        "480m",
        "4.028% of the registry's probes are failing",
        PROBED,
    ),
    Case(
        "one probe in 50, for a day",
        "ErrorBudgetBurnsSlowly",
        {PROBE: "1x48 0 " * 60},
        "1440m",
        "1.979% of the registry's probes have been failing for a long time",
        PROBED,
        "5m",
    ),
    Case(
        "thirteen days are left",
        "CertificateExpires",
        {'probe_ssl_earliest_cert_expiry{job="probe",instance="r"}': f"{13 * 86400}x200"},
        "61m",
        "The certificate expires in 12d 22h 59m 0s",
        PROBED,
    ),
    Case(
        "a refused configuration",
        "EdgeReloadFailed",
        {"caddy_config_last_reload_successful": "0x20"},
        "1m",
        "The edge rejected its new configuration",
    ),
    Case("Redis is away", "CacheDown", {"redis_up": "0x20"}, "5m", "The registry's cache is not responding"),
    Case(
        "the edge serves and CrowdSec never read a line",
        "CrowdSecReadsNothing",
        {SERVED % "subroute": "0+1x60", UP % "crowdsec": "1x60"},
        "20m",
        "CrowdSec is not reading the edge's access log",
    ),
    Case(
        "the edge serves and CrowdSec reads no more",
        "CrowdSecReadsNothing",
        {SERVED % "subroute": "0+1x240", "cs_filesource_hits_total": "0+1x60 60x180", UP % "crowdsec": "1x240"},
        "80m",
        "CrowdSec is not reading the edge's access log",
    ),
    Case(
        "cAdvisor knows the host alone",
        "ContainersNotMeasured",
        {'container_last_seen{id="/",name=""}': "1x60", UP % "cadvisor": "1x60"},
        "15m",
        "cAdvisor sees no containers",
    ),
    Case(
        "95 of 100 bytes",
        "ContainerMemoryLow",
        {MEMORY % "memory_working_set": "95x60", MEMORY % "spec_memory_limit": "100x60"},
        "10m",
        "registry uses 95% of its memory limit",
        {"id": "/docker/1", "name": "registry"},
    ),
    Case(
        "the kernel has stopped it",
        "ContainerOutOfMemory",
        {'container_oom_events_total{id="/docker/1",name="registry"}': "0x10 1x10"},
        "7m",
        "registry was OOM-killed",
        {"id": "/docker/1", "name": "registry"},
    ),
    Case(
        "the kernel has stopped something, and its container with it",
        "OutOfMemory",
        {"node_vmstat_oom_kill": "3x10 4x20"},
        "30m",
        "The kernel has killed a process because its memory limit, or the host's memory, was used up",
    ),
    Case(
        "it dies and comes back",
        "ServiceRestarts",
        {STARTED: "100x20 200x20 300x40"},
        "21m",
        "edge has started 2 times in half an hour",
        {"job": "edge", "instance": "e"},
    ),
    Case(
        "a tenth is left",
        "DiskAlmostFull",
        {DISK % "avail": "10x60", DISK % "size": "100x60"},
        "10m",
        "10% of the data disk is left",
        {"disk": "data"},
    ),
    Case(
        "it fills up",
        "DiskFullSoon",
        {DISK % "avail": "390-0.1x300", DISK % "size": "1000x300"},
        "62m",
        "At this rate the data disk will be full within four days",
        {"disk": "data"},
    ),
    Case(
        "there is space, but a tenth of the inodes",
        "InodesAlmostUsedUp",
        {INODES % "_free": "10x60", INODES % "": "100x60"},
        "10m",
        "10% of the inodes of the data disk are left",
        {"disk": "data"},
    ),
    Case(
        "the canary was not pushed twice in a row",
        "TaskOverdue",
        {SUCCESS % "doctor": "0x400", SUCCESS % "gc": "0x400"},
        "151m",
        "doctor last did its work 2h 31m 0s ago",
        {"task": "doctor"},
    ),
    Case("timers were never started", "NoTaskRuns", {UP % "node-exporter": "1x400"}, "181m", "No task has run yet"),
]
