"""The monitoring component."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pulumi

from infra.plan import Plan
from infra.regops import METRICS_FOLDER
from infra.release import Part
from infra.secrets import Secrets
from stack_components.context import Context
from stack_components.monitoring import alertmanager, alerts, blackbox, exporters, grafana, prometheus, rules, services
from stack_components.monitoring.services import data_folder
from stack_components.service import Service, ServiceArgs
from stack_components.spec import ComponentSpec

NAME = "monitoring"
_SERVICES: Mapping[str, Callable[[Plan], ServiceArgs]] = {
    "cadvisor-socket": lambda _: exporters.cadvisor_socket_args(),
    "cadvisor": lambda _: exporters.cadvisor_args(),
    "node-exporter": lambda _: exporters.node_exporter_args(),
    "redis-exporter": lambda _: exporters.redis_exporter_args(),
    "blackbox-exporter": lambda _: exporters.blackbox_exporter_args(),
    "alertmanager": lambda _: services.alertmanager_args(),
    "prometheus": services.prometheus_args,
    "grafana": services.grafana_args,
}
_WRITERS = ("prometheus", "alertmanager", "grafana")


def folders(plan: Plan) -> list[str]:
    """Return the host folders that these services write to, and the folder of the tasks' metrics."""
    written = [data_folder(name) for name in _WRITERS if plan.runs(name)]
    return [*written, METRICS_FOLDER] if plan.runs("node-exporter") else written


def parts(plan: Plan) -> list[Part]:
    """Return the configuration, as parts of the release."""
    found = []
    if plan.runs("prometheus"):
        texts = {
            "prometheus.yml": prometheus.render(prometheus.prometheus_config(plan)),
            "rules.yml": rules.render(alerts.rule_file(plan)),
        }
        found.append(Part.of_text("prometheus", texts))
    if plan.runs("alertmanager"):
        text = alertmanager.render(alertmanager.alertmanager_config(plan))
        found.append(Part.of_text("alertmanager", {"alertmanager.yml": text}))
    if plan.runs("blackbox-exporter"):
        text = blackbox.render(blackbox.blackbox_config(plan.settings))
        found.append(Part.of_text("blackbox-exporter", {"config.yml": text}))
    if plan.runs("grafana"):
        found.append(Part.of_text(services.DATASOURCES_PART, grafana.datasources()))
        found.append(Part.of_text(services.DASHBOARDS_PART, grafana.dashboards(plan)))
    return found


def secret_files(plan: Plan, secrets: Secrets) -> Mapping[str, pulumi.Output[str]]:
    """Return the secret files that these services read."""
    found: dict[str, pulumi.Output[str]] = {}
    if plan.runs("grafana"):
        found |= {services.PASSWORD: secrets["grafana_password"], services.SECRET_KEY: secrets["grafana_secret_key"]}
    if plan.runs("alertmanager"):
        found[services.ALERTS_TOKEN] = secrets["alerts_token"]
    if plan.runs("redis-exporter"):
        found[exporters.REDIS_PASSWORDS] = secrets["metrics_cache_password"].apply(redis_passwords)
    return found


def redis_passwords(password: str) -> str:
    """Return the file in which the cache's exporter looks up the password, by an address that contains the user."""
    return json.dumps({exporters.REDIS_ADDRESS.replace("//", f"//{exporters.REDIS_USER}@"): password})


class Monitoring(pulumi.ComponentResource):
    """Prometheus, and those of its exporters, Alertmanager and Grafana that run."""

    def __init__(self, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:monitoring:Monitoring", NAME, {}, opts)
        for name, args_of in _SERVICES.items():
            if context.plan.runs(name):
                Service(name, args_of(context.plan), context, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


SPEC = ComponentSpec(
    services=tuple(_SERVICES),
    start=Monitoring,
    folders=folders,
    parts=parts,
    secret_files=secret_files,
)
