"""The services that collect metrics, send alerts and show dashboards: Prometheus, Alertmanager, Grafana."""

from __future__ import annotations

from infra.plan import Plan
from stack_components.monitoring import alertmanager, grafana
from stack_components.service import Healthcheck, ServiceArgs

PASSWORD, SECRET_KEY = "grafana/admin-password", "grafana/secret-key"
ALERTS_TOKEN = "alertmanager/alerts-token"  # noqa: S105  # a path
DATASOURCES_PART, DASHBOARDS_PART = "grafana-datasources", "grafana-dashboards"


def data_folder(service: str) -> str:
    """Return the host folder that one of these services writes to."""
    return f"data/{service}"


def prometheus_args(plan: Plan) -> ServiceArgs:
    """Return Prometheus's service. The path of its external URL, `/prometheus`, is the prefix of all its routes.

    Flags: https://prometheus.io/docs/prometheus/latest/command-line/prometheus/. Newer versions prefer retention in the
    configuration file, but 2.53, the version of the Debian package, only knows the flags.
    """
    settings = plan.settings.monitoring
    return ServiceArgs(
        command=[
            "--config.file=/etc/prometheus/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
            f"--storage.tsdb.retention.time={settings.retention_days}d",
            f"--storage.tsdb.retention.size={settings.retention_gb}GB",
            f"--web.external-url={plan.settings.public_url}/prometheus/",
        ],
        # Not /-/ready: after a crash it may take minutes to replay its write-ahead log.
        healthcheck=Healthcheck.of_page("127.0.0.1:9090/prometheus/-/healthy"),
        parts={"prometheus": "/etc/prometheus"},
        data={data_folder("prometheus"): "/prometheus"},
    )


def alertmanager_args() -> ServiceArgs:
    """Return Alertmanager's service. It runs alone: without a cluster address it opens no port for one."""
    return ServiceArgs(
        command=[
            "--config.file=/etc/alertmanager/alertmanager.yml",
            "--storage.path=/alertmanager",
            "--cluster.listen-address=",
            # Not on the network that it shares with the gateway: whoever reaches it may silence alerts.
            f"--web.listen-address={alertmanager.ADDRESS}",
        ],
        healthcheck=Healthcheck.of_page(f"{alertmanager.ADDRESS}/-/healthy"),
        parts={"alertmanager": "/etc/alertmanager"},
        secrets={ALERTS_TOKEN: alertmanager.TOKEN_FILE},
        data={data_folder("alertmanager"): "/alertmanager"},
    )


def grafana_args(plan: Plan) -> ServiceArgs:
    """Return Grafana's service, at `/grafana`. Only the provisioning folders that have content replace the image's."""
    password, key = "/run/secrets/admin-password", "/run/secrets/secret-key"
    return ServiceArgs(
        command=[],
        healthcheck=Healthcheck.of_page("127.0.0.1:3000/grafana/api/health"),
        parts={DATASOURCES_PART: "/etc/grafana/provisioning/datasources", DASHBOARDS_PART: grafana.DASHBOARDS_FOLDER},
        secrets={PASSWORD: password, SECRET_KEY: key},
        data={data_folder("grafana"): "/var/lib/grafana"},
        environment=grafana.environment(plan, password_file=password, secret_key_file=key),
    )
