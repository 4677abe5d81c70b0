"""The edge component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pulumi

from infra.host import Reload
from infra.plan import Plan
from infra.reach import AUTHORITY, reach
from infra.release import Part
from infra.settings import Settings
from ops.config import READ_ONLY_FOLDER, READ_ONLY_MOUNT, container_name
from stack_components import access_log
from stack_components.context import Context
from stack_components.edge.caddyfile import Bouncer, EdgeConfig, Site, caddyfile
from stack_components.edge.capacity import Capacity, go_memory
from stack_components.edge.clients import HOST_ADDRESS, Clients
from stack_components.edge.events import Events
from stack_components.edge.front_page import FrontPage
from stack_components.edge.pages import PAGES, STATUS, Page
from stack_components.edge.registry_routes import Upstreams
from stack_components.edge.sign_on import SignOn
from stack_components.gateway import component as gateway
from stack_components.protection import BOUNCER_KEY, edge_image
from stack_components.protection import component as crowdsec
from stack_components.registry import component as registry
from stack_components.service import Healthcheck, Port, Service, ServiceArgs
from stack_components.sign_on import component as oauth2_proxy
from stack_components.spec import ComponentSpec

NAME = "edge"
DATA_FOLDER = "data/edge"
PLAIN_PORT = 8080  # for clients on this host, in containers or not
MONITORING_PORT = 9180
_HTTP_PORT, _HTTPS_PORT = 80, 443
# IPv6 has ports of its own in the container: if one port had two addresses, the plugin would replace the container at every `up`.
# https://github.com/kreuzwerker/terraform-provider-docker/blob/v4.5.0/internal/provider/resource_docker_container.go
_IPV6_HTTP_PORT, _IPV6_HTTPS_PORT = 8081, 8444
_CONFIG = "/etc/caddy/current/Caddyfile"
_KEY_FILE = "/run/secrets/bouncer-key"
_EVENTS_TOKEN_FILE = "/run/secrets/events-token"  # noqa: S105  # a path


def config(plan: Plan) -> EdgeConfig:
    """Return the edge's configuration for a stack."""
    settings = plan.settings
    return EdgeConfig(
        sites=sites(settings),
        upstreams=Upstreams(registry=f"{registry.NAME}:{registry.PORT}", gateway=f"{gateway.NAME}:{gateway.PORT}"),
        pages=[_public(page, settings) for service, page in PAGES.items() if plan.runs(service)],
        front=FrontPage(
            title=settings.ui.title,
            host=settings.registry_host,
            anonymous=settings.anonymous,
            own_authority=reach(settings, PurePosixPath()).ca is not None,
        ),
        sign_on=SignOn(f"{gateway.NAME}:{gateway.PORT}", oauth2_proxy.provider(plan)),
        bouncer=Bouncer(f"http://{crowdsec.NAME}:{crowdsec.API_PORT}", _KEY_FILE) if plan.runs("crowdsec") else None,
        events=Events(registry.EVENTS_URL, _EVENTS_TOKEN_FILE),
        capacity=Capacity.of(
            settings.limits_of(NAME).memory_mib,
            settings.limits_of(registry.NAME).memory_mib,
            one_address=settings.is_local and not settings.edge.trusted_proxies,
        ),
        max_upload_gb=settings.registry.max_upload_gb,
        monitoring_port=MONITORING_PORT,
        acme_email=settings.edge.acme_email,
        http3=_offers_http3(settings),
        ipv6_port=_IPV6_HTTPS_PORT if _has_ipv6(settings) else None,
        default_name=_default_name(settings.registry_host.partition(":")[0]),
        clients=Clients(
            proxies=settings.edge.other_proxies,
            plain_listener=f":{PLAIN_PORT}" if settings.edge.trusts_this_host else "",
            public_name=settings.registry_host if settings.public_url.startswith("https:") else "",
        ),
    )


def _public(page: Page, settings: Settings) -> Page:
    """Return a page with what everybody may see of it, if the settings say so."""
    return replace(page, public=STATUS) if page is PAGES["console"] and settings.console.public_status else page


def _default_name(host: str) -> str:
    """Return the site for clients that send no server name, because they connect to an address."""
    return host if host.replace(".", "").isdigit() else "127.0.0.1"


def sites(settings: Settings) -> list[Site]:
    """Return the addresses of a stack: plain HTTP for clients on this host, and TLS for everybody."""
    plain = Site([f"http://:{PLAIN_PORT}"], tls=None)
    host = settings.registry_host.partition(":")[0]
    if not settings.is_local:
        addresses = [f"https://{host}", *([f"https://{host}:{_IPV6_HTTPS_PORT}"] if _has_ipv6(settings) else [])]
        leading = (
            [Site([f"http://{host}:{_IPV6_HTTP_PORT}"], tls=None, leads_to=f"https://{host}")] if _has_ipv6(settings) else []
        )
        return [plain, Site(addresses, tls=settings.edge.tls), *leading]
    names = dict.fromkeys([host, "localhost", "127.0.0.1", settings.edge.bind])
    names.pop("0.0.0.0", None)  # noqa: S104  # means all addresses; no client connects to it
    return [plain, Site([f"https://{name}:{_HTTPS_PORT}" for name in names], tls=settings.edge.tls)]


def ports(settings: Settings) -> list[Port]:
    """Return the published ports: those with TLS for everybody, the one without for this host only."""
    edge = settings.edge
    published = [Port(edge.plain_bind, edge.http_port, PLAIN_PORT)]
    published.append(Port(edge.bind, edge.https_port, _HTTPS_PORT))
    if _offers_http3(settings):
        published.append(Port(edge.bind, edge.https_port, _HTTPS_PORT, "udp"))
    if not settings.is_local:
        published.append(Port(edge.bind, _HTTP_PORT, _HTTP_PORT))  # redirects browsers to TLS, and answers ACME challenges
    if _has_ipv6(settings):
        published.append(Port("::", edge.https_port, _IPV6_HTTPS_PORT))
        published.append(Port("::", _HTTP_PORT, _IPV6_HTTP_PORT))
    return published


def _has_ipv6(settings: Settings) -> bool:
    return not settings.is_local and settings.edge.ipv6 and settings.edge.bind == "0.0.0.0"  # noqa: S104  # all addresses


def _offers_http3(settings: Settings) -> bool:
    return not settings.is_local and settings.edge.https_port == _HTTPS_PORT  # Caddy advertises the port that it listens on


def parts(plan: Plan) -> list[Part]:
    """Return the configuration, as parts of the release."""
    return [Part.of_text(NAME, caddyfile(config(plan)))]


def outputs(context: Context, services: Sequence[pulumi.Resource]) -> Mapping[str, pulumi.Input[Any]]:
    """Return the stack's outputs for the operator: addresses, the account, and paths on the host.

    Args:
        context: What the components were created with.
        services: The services that must run first.
    """
    edge, provisioned, secrets = context.settings.edge, context.provisioned, context.secrets
    return {
        "registry": context.settings.registry_host,
        "registry_url": f"http://{edge.plain_bind}:{edge.http_port}",
        "registry_url_tls": f"https://{'127.0.0.1' if edge.default_host == '' else edge.bind}:{edge.https_port}",
        "registry_ca": provisioned.path(AUTHORITY),
        "registry_user": secrets["registry_user"],
        "registry_pass": secrets["registry_pass"],
        "accounts": pulumi.Output.from_input(dict(secrets.passwords)),
        "password_file": provisioned.secret("registry_pass"),
        "root": provisioned.root,
        "left_out": dict(context.plan.left_out),
        **_authority(context, services),
    }


def _authority(context: Context, services: Sequence[pulumi.Resource]) -> Mapping[str, pulumi.Input[Any]]:
    """Return the certificate that clients of a server must trust if its certificates are not from a public authority."""
    settings = context.settings
    if settings.is_local or settings.edge.tls == "public":
        return {}
    return {"registry_authority": context.host.read("authority", AUTHORITY, after=services)}


def _secrets(plan: Plan) -> Mapping[str, str]:
    """Return the secret files that the edge reads: what proves to the gateway and to CrowdSec that it is the edge."""
    files = {gateway.EVENTS_TOKEN: _EVENTS_TOKEN_FILE}
    files |= {oauth2_proxy.PROOF: oauth2_proxy.PROOF_FILE} if plan.runs(oauth2_proxy.NAME) else {}
    return files | ({BOUNCER_KEY: _KEY_FILE} if plan.runs("crowdsec") else {})


def _environment(context: Context) -> Mapping[str, pulumi.Input[str]]:
    variables: dict[str, pulumi.Input[str]] = {"GOMEMLIMIT": go_memory(context.settings.limits_of(NAME).memory_mib)}
    if context.settings.edge.trusts_this_host:
        variables[HOST_ADDRESS] = context.networks.host_address("edge")
    return variables


class Edge(pulumi.ComponentResource):
    """Caddy, between the outside and everything else."""

    def __init__(self, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:edge:Edge", NAME, {}, opts)
        args = ServiceArgs(
            image=edge_image(context),
            command=["caddy", "run", "--config", _CONFIG, "--adapter", "caddyfile"],
            healthcheck=Healthcheck.of_page(f"127.0.0.1:{MONITORING_PORT}/healthz"),
            hot_reloaded={NAME: "/etc/caddy"},
            secrets=_secrets(context.plan),
            data={DATA_FOLDER: "/data", access_log.FOLDER: access_log.MOUNT},
            reads={READ_ONLY_FOLDER: READ_ONLY_MOUNT},
            tmpfs=["/config"],
            environment=_environment(context),
            capabilities={"CAP_NET_BIND_SERVICE": "ports 80 and 443; the official binary does not start without it"},
            ports=ports(context.settings),
            # Nobody can connect until it has ended. Clients resume what was cut, and do not come back for what was refused.
            stop_seconds=1,
        )
        self.service = Service(NAME, args, context, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


def reload(context: Context, *, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
    """Let the running edge take its new configuration, once everything that it leads to is there; return what does."""
    how = Reload(
        check=["caddy", "validate", "--config", _CONFIG, "--adapter", "caddyfile"],
        confirmation="successfully reloaded config from file",
    )
    name = container_name(context.settings.name, NAME)
    return context.host.reload(context.provisioned.live_copy_of_part(NAME), how, after=after, name=name)


SPEC = ComponentSpec(
    services=(NAME,),
    start=Edge,
    folders=lambda _: [DATA_FOLDER, access_log.FOLDER, READ_ONLY_FOLDER],
    parts=parts,
    hot_reloaded=(NAME,),
    reload=reload,
)
