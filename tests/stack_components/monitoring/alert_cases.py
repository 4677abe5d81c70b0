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
        "Alerts are not reaching ntfy",
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
QUIET = [
    Case("not for four minutes", "TargetDown", {'up{job="grafana"}': "0x20"}, "4m"),
    Case("what is away has an alert of its own", "TargetDown", {'up{job="edge"}': "0x20", 'up{job="registry"}': "0x20"}, "10m"),
    Case("the probe's own fate is the exporter's", "TargetDown", {'up{job="probe"}': "0x20"}, "10m"),
    Case(
        "messages are sent",
        "AlertsNotDelivered",
        {'alertmanager_notifications_failed_total{integration="webhook"}': "3x60"},
        "20m",
    ),
    Case(
        "ten events wait", "RegistryEventsWaiting", {'registry_notifications_pending_total{endpoint="gateway"}': "10x40"}, "15m"
    ),
    Case(
        "the gateway is away, which is another alert",
        "RegistryEventsWaiting",
        {'registry_notifications_pending_total{endpoint="gateway"}': "30x40", UP % "gateway": "0x40"},
        "15m",
    ),
    Case(
        "storage takes milliseconds",
        "RegistryStorageSlow",
        {STORAGE % "1": "0+10x60", STORAGE % "5": "0+10x60", STORAGE % "+Inf": "0+10x60"},
        "15m",
    ),
    Case("its configuration is accepted", "EdgeReloadFailed", {"caddy_config_last_reload_successful": "1x20"}, "5m"),
    Case("a restart of Redis", "CacheDown", {"redis_up": "0x8 1x20"}, "8m"),
    Case(
        "80 of 100 bytes",
        "ContainerMemoryLow",
        {MEMORY % "memory_working_set": "80x60", MEMORY % "spec_memory_limit": "100x60"},
        "15m",
    ),
    Case("none", "ContainerOutOfMemory", {'container_oom_events_total{id="/docker/1",name="registry"}': "2x40"}, "15m"),
    Case("a fifth is left", "DiskAlmostFull", {DISK % "avail": "20x60", DISK % "size": "100x60"}, "15m"),
    Case("a restart", "RegistryDown", {PROBE: "1x10 0x2 1x20"}, "7m"),
    Case(
        "one answer in a thousand",
        "RegistryErrors",
        {'registry_http_requests_total{code="500"}': "0+1x60", 'registry_http_requests_total{code="200"}': "0+1000x60"},
        "15m",
    ),
    Case(
        "manifests that the registry does not understand, and uploads that are broken off",
        "RegistryErrors",
        {
            'registry_http_requests_total{code="500",method="put"}': "0+5x60",
            'registry_http_requests_total{code="500",method="patch"}': "0+5x60",
            UPLOADS.replace("500", "499"): "0+5x60",
            UPLOADS.replace("500", "502"): "0+5x60",
            'registry_http_requests_total{code="200"}': "0+10x60",
        },
        "15m",
    ),
    Case(
        "clients are asked for a token, and look for what is not there",
        "RegistryErrors",
        {'registry_http_requests_total{code="401"}': "0+9x60", 'registry_http_requests_total{code="404"}': "0+9x60"},
        "15m",
    ),
    Case("the database was locked once", "EventsNotKept", {"gateway_database_errors_total": "0x4 1x40"}, "5m"),
    Case("pushes, and events of them", "EventsMissing", {PUSHES: "5x10 6x100", TOLD: "5x11 6x100"}, "30m"),
    Case("nobody pushes", "EventsMissing", {PUSHES: "5x100", TOLD: "5x100"}, "30m"),
    Case("pulls and refused pushes", "EventsMissing", {PUSHES.replace("201", "401"): "0+1x100", TOLD: "5x100"}, "30m"),
    Case("the gateway's metrics are away, which is another alert", "EventsMissing", {PUSHES: "5x10 6x100"}, "30m"),
    Case("a total outage, in its second minute", "ErrorBudgetBurnsFast", {PROBE: "1x720 0x60"}, "362m"),
    Case("the first probes of a new stack", "ErrorBudgetBurnsFast", {PROBE: "0x2 1x60"}, "3m"),
    Case("an outage that is over", "ErrorBudgetBurnsFast", {PROBE: "1x720 0x20 1x60"}, "381m"),
    Case("one probe in 500", "ErrorBudgetBurnsSlowly", {PROBE: "1x498 0 " * 18}, "4400m", evaluated="5m"),
    Case("15 days are left", "CertificateExpires", {'probe_ssl_earliest_cert_expiry{job="probe"}': f"{15 * 86400}x200"}, "61m"),
    Case(
        "nobody asks the edge but Prometheus and Docker",
        "CrowdSecReadsNothing",
        {SERVED % "metrics": "0+1x60", UP % "crowdsec": "1x60"},
        "20m",
    ),
    Case(
        "CrowdSec is away, which is another alert",
        "CrowdSecReadsNothing",
        {SERVED % "subroute": "0+1x60", UP % "crowdsec": "0x60"},
        "20m",
    ),
    Case(
        "CrowdSec reads",
        "CrowdSecReadsNothing",
        {SERVED % "subroute": "0+1x60", "cs_filesource_hits_total": "0+1x60", UP % "crowdsec": "1x60"},
        "20m",
    ),
    Case("the kernel stopped something hours ago", "OutOfMemory", {"node_vmstat_oom_kill": "3x10 4x200"}, "120m"),
    Case("`up` has replaced it", "ServiceRestarts", {STARTED: "100x20 200x60"}, "30m"),
    Case("it was restarted twice in a day", "ServiceRestarts", {STARTED: "100x20 200x100 300x60"}, "65m"),
    Case(
        "a container is seen",
        "ContainersNotMeasured",
        {'container_last_seen{name="edge"}': "1x60", UP % "cadvisor": "1x60"},
        "20m",
    ),
    Case("cAdvisor is away, which is another alert", "ContainersNotMeasured", {UP % "cadvisor": "0x60"}, "20m"),
    Case(
        "no limit",
        "ContainerMemoryLow",
        {MEMORY % "memory_working_set": "95x60", MEMORY % "spec_memory_limit": "0x60"},
        "15m",
    ),
    Case("half is left", "DiskFullSoon", {DISK % "avail": "500-0.1x300", DISK % "size": "1000x300"}, "62m"),
    Case(
        "a file system that makes inodes as it needs them",
        "InodesAlmostUsedUp",
        {INODES % "_free": "0x60", INODES % "": "0x60"},
        "15m",
    ),
    Case("one canary was not pushed", "TaskOverdue", {SUCCESS % "doctor": "0x400"}, "149m"),
    Case("a collection a week ago", "TaskOverdue", {SUCCESS % "gc": "0x21000"}, "10100m", evaluated="5m"),
    Case(
        "a first task",
        "NoTaskRuns",
        {'regops_task_last_run_timestamp_seconds{task="notify"}': "300x400", UP % "node-exporter": "1x400"},
        "181m",
    ),
    Case("nothing is seen of the host, which is another alert", "NoTaskRuns", {UP % "node-exporter": "0x400"}, "181m"),
    Case("nothing changes", "DiskFullSoon", {DISK % "avail": "200x300", DISK % "size": "1000x300"}, "90m"),
]
