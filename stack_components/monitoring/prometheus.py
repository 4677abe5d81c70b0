"""The configuration of Prometheus as a typed model: one job for each service that runs and has metrics.

Keys and their meaning: https://prometheus.io/docs/prometheus/latest/configuration/configuration/
"""

from __future__ import annotations

from typing import Literal

import yaml
from pydantic import Field

from infra.plan import Plan
from infra.settings import Settings
from ops.config import PROBE_INTERVAL_S, PROBE_JOB, REGISTRY_DEBUG_PORT, Strict, container_name
from stack_components.console import component as console
from stack_components.edge import component as edge
from stack_components.gateway import component as gateway
from stack_components.monitoring import alertmanager, blackbox
from stack_components.protection import component as crowdsec

# Of all jobs, the probes among them.
SCRAPE_INTERVAL_S = PROBE_INTERVAL_S
# The tasks' metrics, as the node exporter sees the folder; it is on the disk of the stack's data.
NODE_FOLDER = "/metrics"


class StaticConfig(Strict):
    """Addresses as host:port; for probes, the URLs to probe."""

    targets: list[str]


class Relabel(Strict):
    """A change of labels: if the regular expression matches all of the source labels, the target label is set."""

    source_labels: tuple[str, ...] = ()
    regex: str = "(.*)"
    target_label: str | None = None
    replacement: str = "$1"
    action: Literal["replace", "keep"] = "replace"


class ScrapeConfig(Strict):
    """A job: what is scraped, and where."""

    job_name: str
    metrics_path: str = "/metrics"
    params: dict[str, list[str]] | None = None
    # For cAdvisor, whose samples have timestamps: series that disappear end at once and not five minutes later.
    track_timestamps_staleness: bool = False
    static_configs: list[StaticConfig]
    relabel_configs: tuple[Relabel, ...] = ()
    metric_relabel_configs: tuple[Relabel, ...] = ()


class Global(Strict):
    """Settings for all jobs and rules. Alerts carry the external labels."""

    scrape_interval: str = f"{SCRAPE_INTERVAL_S}s"
    scrape_timeout: str = "10s"
    evaluation_interval: str = f"{SCRAPE_INTERVAL_S}s"
    external_labels: dict[str, str]


class Alertmanagers(Strict):
    """A group of Alertmanagers."""

    static_configs: list[StaticConfig]


class Alerting(Strict):
    """Where alerts are sent."""

    alertmanagers: list[Alertmanagers]


class PrometheusConfig(Strict):
    """The whole of prometheus.yml."""

    overall: Global = Field(serialization_alias="global")
    rule_files: tuple[str, ...] = ("rules.yml",)
    alerting: Alerting | None = None
    scrape_configs: list[ScrapeConfig]


def prometheus_config(plan: Plan) -> PrometheusConfig:
    """Return what Prometheus scrapes. A service's address is its name on the network that it shares with Prometheus."""
    alertmanagers = Alertmanagers(static_configs=[StaticConfig(targets=[alertmanager.ADDRESS])])
    jobs = [
        _job("prometheus", "127.0.0.1:9090", path="/prometheus/metrics"),
        _job("alertmanager", alertmanager.ADDRESS),
        _job("registry", f"registry.registry-metrics:{REGISTRY_DEBUG_PORT}"),
        _job("gateway", gateway.METRICS_ADDRESS),
        _job("console", console.METRICS_ADDRESS),
        _job("edge", f"edge.metrics:{edge.MONITORING_PORT}"),
        _job("grafana", "grafana.dashboards:3000", path="/grafana/metrics"),
        _containers(plan),
        _node(),
        _job("redis-exporter", "redis-exporter.metrics:9121"),
        _job("blackbox-exporter", "blackbox-exporter.metrics:9115"),
        _job("crowdsec", f"crowdsec.metrics:{crowdsec.METRICS_PORT}"),
    ]
    return PrometheusConfig(
        overall=Global(external_labels={"stack": plan.settings.name}),
        alerting=Alerting(alertmanagers=[alertmanagers]) if plan.runs("alertmanager") else None,
        scrape_configs=[
            *(job for job in jobs if plan.runs(job.job_name)),
            *([_probe(plan.settings)] if plan.runs("blackbox-exporter") else []),
        ],
    )


def probed_url(settings: Settings) -> str:
    """Return the URL of the registry for clients on this host: on a server its public name, which the inner network resolves."""
    if settings.is_local:
        return f"http://edge.inner:{edge.PLAIN_PORT}/v2/"
    return f"https://{settings.registry_host.partition(':')[0]}/v2/"


def render(config: PrometheusConfig) -> str:
    """Return prometheus.yml, without the values that are defaults."""
    document = config.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    document["rule_files"] = list(config.rule_files)
    document["global"] = config.overall.model_dump(mode="json")
    return yaml.safe_dump(document, sort_keys=False, width=120)


def _job(name: str, target: str, *, path: str = "/metrics") -> ScrapeConfig:
    return ScrapeConfig(job_name=name, metrics_path=path, static_configs=[StaticConfig(targets=[target])])


def _containers(plan: Plan) -> ScrapeConfig:
    """Return the job of cAdvisor, which sees all containers of the engine; only those of this stack are kept."""
    own = container_name(plan.settings.name, f"({'|'.join(plan.services)})")
    return ScrapeConfig(
        job_name="cadvisor",
        track_timestamps_staleness=True,
        static_configs=[StaticConfig(targets=["cadvisor.metrics:8080"])],
        metric_relabel_configs=(
            Relabel(source_labels=("name",), regex=f"({own})?", action="keep"),
            Relabel(source_labels=("name",), regex=own, target_label="name"),
        ),
    )


def _node() -> ScrapeConfig:
    """Return the job of the node exporter, whose root is on the Docker engine's disk."""
    return ScrapeConfig(
        job_name="node-exporter",
        static_configs=[StaticConfig(targets=["node-exporter.metrics:9100"])],
        metric_relabel_configs=tuple(
            Relabel(source_labels=("mountpoint",), regex=mountpoint, target_label="disk", replacement=disk)
            for mountpoint, disk in {"/": "docker", NODE_FOLDER: "data"}.items()
        ),
    )


def _probe(settings: Settings) -> ScrapeConfig:
    """Return the job of the probes: the blackbox exporter probes, and the results are labelled with the URL that it probed."""
    return ScrapeConfig(
        job_name=PROBE_JOB,
        metrics_path="/probe",
        params={"module": [blackbox.MODULE]},
        static_configs=[StaticConfig(targets=[probed_url(settings)])],
        relabel_configs=(
            Relabel(source_labels=("__address__",), target_label="__param_target"),
            Relabel(source_labels=("__param_target",), target_label="instance"),
            Relabel(target_label="__address__", replacement="blackbox-exporter.metrics:9115"),
        ),
    )
