"""The edge component."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from infra.release import Part
from infra.secrets import Secrets
from infra.settings import Settings
from stack_components.context import Context
from stack_components.edge.caddyfile import GATE_FOLDER, Site, Upstreams, caddyfile
from stack_components.gateway import component as gateway
from stack_components.registry import component as registry
from stack_components.service import Healthcheck, Port, Service, ServiceArgs

NAME = "edge"
DATA_FOLDER = "data/edge"
LOG_FOLDER = "logs/edge"
GATE = "gate"
FOLDERS = [DATA_FOLDER, LOG_FOLDER, GATE]
_HTTP_PORT, _HTTPS_PORT, _HEALTH_PORT = 8080, 8443, 9180


def parts(settings: Settings) -> list[Part]:
    """Return the configuration that travels in the release."""
    text = caddyfile(
        sites(settings),
        Upstreams(registry=f"{registry.NAME}:{registry.PORT}", gateway=f"{gateway.NAME}:{gateway.PORT}"),
        max_upload_gb=settings.registry.max_upload_gb,
        health_port=_HEALTH_PORT,
    )
    return [Part.of_text(NAME, {"Caddyfile": text})]


def sites(settings: Settings) -> list[Site]:
    """Return the addresses of a stack: on a local one plain HTTP, which Docker accepts from loopback, and TLS beside it."""
    names = dict.fromkeys([settings.registry_host.partition(":")[0], "localhost", "127.0.0.1", settings.edge.bind])
    names.pop("0.0.0.0", None)  # noqa: S104  # stands for all addresses, and is none that a client asks for
    return [
        Site([f"http://:{_HTTP_PORT}"], tls=None),
        Site([f"https://{name}:{_HTTPS_PORT}" for name in names], tls="internal"),
    ]


def outputs(context: Context, secrets: Secrets) -> Mapping[str, pulumi.Input[Any]]:
    """Return what the stack tells its operator: addresses, account, and where things are on the host."""
    edge, shipped = context.settings.edge, context.shipped
    return {
        "registry": context.settings.registry_host,
        "registry_url": f"http://{edge.plain_bind}:{edge.http_port}",
        "registry_url_tls": f"https://{'127.0.0.1' if edge.default_host == '' else edge.bind}:{edge.https_port}",
        "registry_ca": shipped.path(f"{DATA_FOLDER}/pki/authorities/local/root.crt"),
        "registry_user": secrets["registry_user"],
        "registry_pass": secrets["registry_pass"],
        "accounts": pulumi.Output.from_input(dict(secrets.passwords)),
        "password_file": shipped.secret("registry_pass"),
        "root": shipped.root,
    }


class Edge(pulumi.ComponentResource):
    """Caddy between the outside and the registry."""

    def __init__(self, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:edge:Edge", NAME, {}, opts)
        edge = context.settings.edge
        args = ServiceArgs(
            image="caddy",
            limits=context.settings.limits_of(NAME),
            command=["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"],
            networks=[context.networks.edge, context.networks.app],
            healthcheck=Healthcheck(["wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{_HEALTH_PORT}/healthz"]),
            parts={NAME: "/etc/caddy"},
            secrets={},
            data={DATA_FOLDER: "/data", LOG_FOLDER: "/var/log/caddy"},
            reads={GATE: GATE_FOLDER},
            tmpfs=["/config"],
            environment={},
            # The official binary carries this as a file capability and does not start without it in its bounding set.
            capabilities=["CAP_NET_BIND_SERVICE"],
            ports=[Port(edge.plain_bind, edge.http_port, _HTTP_PORT), Port(edge.bind, edge.https_port, _HTTPS_PORT)],
        )
        self.service = Service(NAME, args, context, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})
