"""The registry component."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pydantic import SecretStr

from infra.secrets import Secrets
from infra.settings import Settings
from stack_components.cache import component as cache
from stack_components.context import Context
from stack_components.gateway import component as gateway
from stack_components.registry.config import (
    Auth,
    Endpoint,
    Http,
    Log,
    Notifications,
    Redis,
    RegistryConfig,
    Token,
    render,
)
from stack_components.service import Healthcheck, Service, ServiceArgs

NAME = "registry"
PORT = 5000
DATA_FOLDER = "data/registry"
FOLDERS = [DATA_FOLDER]
_CONFIG = "registry/config.yml"


def config(settings: Settings, *, http_secret: str, cache_password: str, events_token: str) -> RegistryConfig:
    """Return the registry's configuration for a stack."""
    return RegistryConfig(
        log=Log(level=settings.registry.log_level),
        http=Http(secret=SecretStr(http_secret)),
        redis=Redis(addrs=[f"{cache.NAME}:{cache.PORT}"], username="registry", password=SecretStr(cache_password)),
        auth=Auth(
            token=Token(
                realm=f"https://{settings.registry_host}/auth/token",
                # A local stack is reached under two addresses, one without TLS: each gets a token from where it asked.
                autoredirect=settings.is_local,
                service=gateway.token_service(settings),
                issuer=gateway.ISSUER,
                jwks="/run/secrets/jwks.json",
            )
        ),
        notifications=Notifications(
            endpoints=[
                Endpoint(
                    name="gateway",
                    url=f"http://{gateway.NAME}:{gateway.PORT}/events",
                    headers={"Authorization": [SecretStr(f"Bearer {events_token}")]},
                )
            ]
        ),
    )


def secret_files(settings: Settings, secrets: Secrets) -> Mapping[str, pulumi.Output[str]]:
    """Return the secret files that this component reads: its whole configuration is one, since it takes secrets nowhere else."""
    values = pulumi.Output.all(
        http_secret=secrets["registry_http_secret"],
        cache_password=secrets["cache_password"],
        events_token=secrets["events_token"],
    )
    return {_CONFIG: values.apply(lambda given: render(config(settings, **given)))}


class Registry(pulumi.ComponentResource):
    """The registry: reached by the edge and the gateway on `app`, and by nobody else."""

    def __init__(self, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:registry:Registry", NAME, {}, opts)
        args = ServiceArgs(
            image="registry",
            limits=context.settings.limits_of(NAME),
            command=["serve", "/etc/distribution/config.yml"],
            networks=[context.networks.app, context.networks.data],
            healthcheck=Healthcheck(["wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{PORT}/"]),
            parts={},
            secrets={_CONFIG: "/etc/distribution/config.yml", gateway.JWKS: "/run/secrets/jwks.json"},
            data={DATA_FOLDER: "/var/lib/registry"},
            reads={},
            environment={"OTEL_TRACES_EXPORTER": "none"},
            stop_seconds=40,  # above the registry's draintimeout
        )
        self.service = Service(NAME, args, context, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})
