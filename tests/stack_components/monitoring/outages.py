"""What Prometheus sees of a server on which all is well, and of one on which a service has stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from infra.plan import Plan
from ops.config import PROBE_JOB
from stack_components.monitoring.prometheus import prometheus_config

# Samples, one every four minutes: half an hour during which all is well, then more than three hours without the service.
STEP_MIN, WELL, AWAY = 4, 8, 52
GONE = "stale"
# A time that goes on, and a counter of one request a second.
_ON = f"0+{STEP_MIN * 60}"


@dataclass(frozen=True)
class Seen:
    """A series.

    Attributes:
        name: Its name and labels.
        worth: Its value while all is well, with its growth if it has any.
        then: What it is once a service has stopped, by service.
    """

    name: str
    worth: str
    then: Mapping[str, str] = field(default_factory=dict)

    def samples(self, stopped: str = "") -> str:
        """Return its samples, with a service that stops or without."""
        if stopped not in self.then:
            return f"{self.worth}x{WELL + AWAY}"
        then = self.then[stopped]
        return f"{self.worth}x{WELL} {then if then == GONE else f'{then}x{AWAY}'}"


def seen(plan: Plan) -> Iterator[Seen]:
    """Yield what is seen of a stack, as far as alerts ask for it."""
    for job in (one.job_name for one in prometheus_config(plan).scrape_configs):
        asked = "blackbox-exporter" if job == PROBE_JOB else job
        yield Seen(f'up{{job="{job}",instance="{job}"}}', "1", {asked: "0"})
        if job != PROBE_JOB:
            yield Seen(f'process_start_time_seconds{{job="{job}",instance="{job}"}}', "0", {job: GONE})
    for name in plan.services:
        for metric, worth in {"container_last_seen": _ON, "container_start_time_seconds": "0"}.items():
            yield Seen(f'{metric}{{job="cadvisor",name="{name}"}}', worth, {name: GONE, "cadvisor": GONE})
    probe = f'job="{PROBE_JOB}",instance="r"'
    yield Seen(f"probe_success{{{probe}}}", "1", {"registry": "0", "edge": "0", "blackbox-exporter": GONE})
    yield Seen(f"probe_ssl_earliest_cert_expiry{{{probe}}}", str(60 * 86_400), {"edge": GONE, "blackbox-exporter": GONE})
    yield Seen('redis_up{job="redis-exporter"}', "1", {"cache": "0", "redis-exporter": GONE})
    policy = 'redis_instance_info{job="redis-exporter",maxmemory_policy="allkeys-lru"}'
    yield Seen(policy, "1", {"cache": GONE, "redis-exporter": GONE})
    yield Seen('prometheus_notifications_dropped_total{job="prometheus"}', "0", {"alertmanager": _ON})
    failed = 'alertmanager_notifications_failed_total{job="alertmanager",integration="webhook"}'
    yield Seen(failed, "0", {"gateway": _ON, "alertmanager": GONE})
    for job, metrics in _OF_ONE.items():
        for metric, worth in metrics.items():
            name, _, labels = metric.partition("{")
            yield Seen(f'{name}{{job="{job}",{labels or "}"}', worth, {job: GONE})


# What only one service tells, and nobody once that has stopped.
_OF_ONE: Mapping[str, Mapping[str, str]] = {
    "edge": {'caddy_http_requests_total{handler="subroute"}': _ON, "caddy_config_last_reload_successful": "1"},
    "crowdsec": {"cs_filesource_hits_total": _ON},
    "registry": {
        'registry_http_requests_total{handler="manifest",method="put",code="201"}': "0+6",
        'registry_notifications_pending_total{endpoint="gateway"}': "0",
    },
    "gateway": {'gateway_events_total{action="push"}': "0+6", "gateway_database_errors_total": "0"},
    "prometheus": {"prometheus_config_last_reload_successful": "1"},
    "alertmanager": {"alertmanager_config_last_reload_successful": "1"},
    "node-exporter": {
        'node_textfile_mtime_seconds{file="notify"}': _ON,
        "node_textfile_scrape_error": "0",
        'regops_task_last_run_timestamp_seconds{task="notify"}': _ON,
        'regops_task_last_success_timestamp_seconds{task="notify"}': _ON,
        "regops_mirror_last_run_timestamp_seconds": _ON,
        'regops_unit_failed{unit="docker.service"}': "0",
    },
}
