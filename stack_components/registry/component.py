"""The registry component."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pydantic import SecretStr

from infra.plan import Plan
from infra.regops import REGISTRY_FOLDER
from infra.secrets import Secrets
from ops.config import REGISTRY_DEBUG_PORT
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
    validation,
)
from stack_components.service import Healthcheck, Service, ServiceArgs
from stack_components.spec import ComponentSpec

NAME = "registry"
PORT = 5000

# Where events are sent: to the edge, which adds the gateway's token. The registry would show the token on its debug port.
EVENTS_URL = "http://edge.app:8083/events"
_CONFIG = "registry/config.yml"
# So much of the memory in use, in percent, may be waiting to be freed: https://pkg.go.dev/runtime#hdr-Environment_Variables .
# No limit of memory (GOMEMLIMIT), since that could not change without a new container.
GARBAGE_PERCENT = 50


def config(plan: Plan, *, http_secret: str, cache_password: str) -> RegistryConfig:
    """Return the registry's configuration for a stack."""
    settings = plan.settings
    return RegistryConfig(
        log=Log(level=settings.registry.log_level),
        http=Http(addr=f":{PORT}", secret=SecretStr(http_secret), debug=Debug(addr=_debug_address(plan))),
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
                    url=EVENTS_URL,
                )
            ]
        ),
        validation=validation(settings.registry.foreign_layer_hosts),
    )


def _debug_address(plan: Plan) -> str:
    """Return where the debug port listens.

    Not at a name on one network: while a new container takes over, both have it, and the new one would listen at the address of
    the other, or call itself healthy because the other one is.
    """
    return f":{REGISTRY_DEBUG_PORT}" if plan.runs("prometheus") else f"127.0.0.1:{REGISTRY_DEBUG_PORT}"


def secret_files(plan: Plan, secrets: Secrets) -> Mapping[str, pulumi.Output[str]]:
    """Return the secret files that this component reads. Its whole configuration is one, because it only takes secrets there."""
    values = pulumi.Output.all(
        http_secret=secrets["registry_http_secret"],
        cache_password=secrets["cache_password"],
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
            environment={"OTEL_TRACES_EXPORTER": "none", "GOGC": str(GARBAGE_PERCENT)},
            stop_seconds=40,  # more than the registry's draintimeout
            alongside=True,  # uploads are files, and the state that clients hold is signed with a secret that both know
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
