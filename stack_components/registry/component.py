"""The registry component."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pydantic import SecretStr

from infra.plan import Plan
from infra.regops import REGISTRY_FOLDER, registry_debug_address
from infra.secrets import Secrets
from stack_components.cache import component as cache
from stack_components.context import Context
from stack_components.gateway import component as gateway
from stack_components.registry.config import (
    Auth,
    Debug,
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
from stack_components.spec import ComponentSpec

NAME = "registry"
PORT = 5000

_CONFIG = "registry/config.yml"


def config(plan: Plan, *, http_secret: str, cache_password: str, events_token: str) -> RegistryConfig:
    """Return the registry's configuration for a stack."""
    settings = plan.settings
    return RegistryConfig(
        log=Log(level=settings.registry.log_level),
        http=Http(secret=SecretStr(http_secret), debug=Debug(addr=registry_debug_address(plan))),
        redis=Redis(addrs=[f"{cache.NAME}:{cache.PORT}"], username="registry", password=SecretStr(cache_password)),
        auth=Auth(
            token=Token(
                realm=f"https://{settings.registry_host}/auth/token",
                # The edge has several addresses, some of them without TLS and only for this host. Clients get their token at the
                # address that they use. Nobody can make up a name, because the edge only serves the registry's.
                autoredirect=True,
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


def secret_files(plan: Plan, secrets: Secrets) -> Mapping[str, pulumi.Output[str]]:
    """Return the secret files that this component reads. Its whole configuration is one, because it only takes secrets there."""
    values = pulumi.Output.all(
        http_secret=secrets["registry_http_secret"],
        cache_password=secrets["cache_password"],
        events_token=secrets["events_token"],
    )
    return {_CONFIG: values.apply(lambda given: render(config(plan, **given)))}


class Registry(pulumi.ComponentResource):
    """The registry, which only the edge and the gateway reach, on `app`."""

    def __init__(self, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:registry:Registry", NAME, {}, opts)
        args = ServiceArgs(
            command=["serve", "/etc/distribution/config.yml"],
            healthcheck=Healthcheck.of_page(f"127.0.0.1:{PORT}/"),
            secrets={_CONFIG: "/etc/distribution/config.yml", gateway.JWKS: "/run/secrets/jwks.json"},
            data={REGISTRY_FOLDER: "/var/lib/registry"},
            environment={"OTEL_TRACES_EXPORTER": "none"},
            stop_seconds=40,  # more than the registry's draintimeout
        )
        self.service = Service(NAME, args, context, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


SPEC = ComponentSpec(
    services=(NAME,),
    start=Registry,
    folders=lambda _: [REGISTRY_FOLDER],
    kept=lambda plan: [REGISTRY_FOLDER] if plan.settings.registry.keep_data else [],
    secret_files=secret_files,
)
