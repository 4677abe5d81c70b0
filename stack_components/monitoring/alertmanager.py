"""Alertmanager's configuration as a typed model: which alerts are handed over, together with which, and how often.

Keys and their meaning: https://prometheus.io/docs/alerting/latest/configuration/
"""

from __future__ import annotations

import yaml

from infra.messages import notify_settings
from infra.plan import Plan
from ops.config import MOST_ALERTS, WATCHDOG, Strict
from stack_components.gateway import component as gateway

# Its name on the network with Prometheus, by which it is reached, and where it listens.
ADDRESS = "alertmanager.metrics:9093"
TOKEN_FILE = "/run/secrets/alerts-token"  # noqa: S105  # a path
_NOBODY, _GATEWAY = "nobody", "gateway"


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
    max_alerts: int = MOST_ALERTS
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
    group_interval: str | None = None
    repeat_interval: str | None = None


class Route(Strict):
    """Where all other alerts go; those in one group are handed over together."""

    receiver: str
    group_by: tuple[str, ...] = ("alertname", "service")
    group_wait: str = "30s"
    group_interval: str = "5m"
    repeat_interval: str = "1h"
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
    """Return where alerts go: to the gateway, which keeps them until `regops notify` has made messages of them.

    What is told to whom, when, and again, is decided there, with all other messages. So it repeats more often here than people
    want to hear it: who fetches them knows by that what still fires. Where messages have no channel, alerts are only shown;
    the one that always fires is handed over all the same, so that it is seen whether others would arrive.
    """
    authorization = Authorization(credentials_file=TOKEN_FILE)
    webhook = Webhook(url=gateway.ALERTS_URL, http_config=HttpConfig(authorization=authorization))
    watchdog = SubRoute(
        receiver=_GATEWAY,
        matchers=[f'alertname="{WATCHDOG}"'],
        group_wait="0s",
        group_interval="20s",
        repeat_interval="1m",
    )
    unsent = SubRoute(receiver=_NOBODY, matchers=['severity="none"'])
    # One whose beginning is that of one that has ended is only believed once it is repeated, and a page must not wait for that.
    urgent = SubRoute(
        receiver=_GATEWAY,
        matchers=['severity=~"critical|page"'],
        group_wait="10s",
        group_interval="1m",
        repeat_interval="5m",
    )
    told = bool(notify_settings(plan.settings).channels)
    return AlertmanagerConfig(
        route=Route(receiver=_GATEWAY, routes=[watchdog, unsent, urgent]) if told else Route(receiver=_NOBODY, routes=[watchdog]),
        receivers=[Receiver(name=_NOBODY), Receiver(name=_GATEWAY, webhook_configs=[webhook])],
    )


def render(config: AlertmanagerConfig) -> str:
    """Return alertmanager.yml."""
    return yaml.safe_dump(config.model_dump(mode="json", exclude_none=True), sort_keys=False, width=120)
