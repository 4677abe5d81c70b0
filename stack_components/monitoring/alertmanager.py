"""Alertmanager's configuration as a typed model: which alerts are sent, and how loudly.

Keys and their meaning: https://prometheus.io/docs/alerting/latest/configuration/
"""

from __future__ import annotations

import yaml

from infra.plan import Plan
from ops.config import Strict

# Its name on the network with Prometheus, by which it is reached, and where it listens.
ADDRESS = "alertmanager.metrics:9093"
TOKEN_FILE = "/run/secrets/ntfy_token"  # noqa: S105  # a path
_NOBODY, _NTFY, _URGENT = "nobody", "ntfy", "ntfy-urgent"
# ntfy accepts no body larger than 32 KiB: https://docs.ntfy.sh/publish/#message-templating
_ALERTS_IN_A_MESSAGE = 8


class Authorization(Strict):
    """The bearer token, in a file."""

    credentials_file: str


class HttpConfig(Strict):
    """How to sign in to the receiver."""

    authorization: Authorization


class Webhook(Strict):
    """A URL that accepts Alertmanager's JSON."""

    url: str
    send_resolved: bool = True
    max_alerts: int = _ALERTS_IN_A_MESSAGE
    http_config: HttpConfig | None = None


class Receiver(Strict):
    """Who gets alerts; without a webhook they are only shown in Alertmanager."""

    name: str
    webhook_configs: list[Webhook] | None = None


class SubRoute(Strict):
    """Where matching alerts go instead."""

    receiver: str
    matchers: list[str]
    group_wait: str | None = None
    repeat_interval: str | None = None


class Route(Strict):
    """Where all other alerts go; those in one group are sent as one message."""

    receiver: str
    group_by: tuple[str, ...] = ("alertname", "service")
    group_wait: str = "30s"
    group_interval: str = "5m"
    repeat_interval: str = "12h"
    routes: list[SubRoute]


class Inhibition(Strict):
    """While the source fires, the target is not sent."""

    source_matchers: list[str]
    target_matchers: list[str]
    equal: tuple[str, ...] = ("service",)


class AlertmanagerConfig(Strict):
    """The whole of alertmanager.yml."""

    route: Route
    receivers: list[Receiver]
    inhibit_rules: tuple[Inhibition, ...] = (
        Inhibition(source_matchers=['severity="critical"'], target_matchers=['severity="warning"']),
        Inhibition(source_matchers=['alertname="RegistryDown"'], target_matchers=['alertname="ErrorBudgetBurnsFast"']),
    )


def alertmanager_config(plan: Plan) -> AlertmanagerConfig:
    """Return where the alerts of a stack go: to its topic at ntfy (2.14 or newer) when it has one.

    ntfy formats the messages itself: https://docs.ntfy.sh/publish/#pre-defined-templates
    """
    settings = plan.settings
    topic = settings.monitoring.ntfy_url
    nobody = Receiver(name=_NOBODY)
    unsent = SubRoute(receiver=_NOBODY, matchers=['severity="none"'])
    if topic is None:
        return AlertmanagerConfig(route=Route(receiver=_NOBODY, routes=[unsent]), receivers=[nobody])
    http = HttpConfig(authorization=Authorization(credentials_file=TOKEN_FILE)) if settings.ntfy_token is not None else None
    urls = {
        _NTFY: f"{topic}?template=alertmanager",
        _URGENT: f"{topic}?template=alertmanager&priority=urgent&tags=rotating_light",
    }
    urgent = SubRoute(receiver=_URGENT, matchers=['severity="critical"'], group_wait="10s", repeat_interval="1h")
    return AlertmanagerConfig(
        route=Route(receiver=_NTFY, routes=[unsent, urgent]),
        receivers=[
            nobody,
            *(Receiver(name=name, webhook_configs=[Webhook(url=url, http_config=http)]) for name, url in urls.items()),
        ],
    )


def render(config: AlertmanagerConfig) -> str:
    """Return alertmanager.yml."""
    return yaml.safe_dump(config.model_dump(mode="json", exclude_none=True), sort_keys=False, width=120)
