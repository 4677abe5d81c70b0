"""The cache component."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from infra.plan import Plan
from infra.release import Part
from infra.secrets import Secrets
from stack_components.cache.config import redis_conf, users_acl
from stack_components.context import Context
from stack_components.service import Healthcheck, Service, ServiceArgs
from stack_components.spec import ComponentSpec

NAME = "cache"
PORT = 6379
_ACL = "cache/users.acl"
# For `regops`, which empties the cache after changes that the registry does not know of.
PASSWORD = "cache/password"  # noqa: S105  # a path


def parts(plan: Plan) -> list[Part]:
    """Return the configuration, as parts of the release."""
    return [Part.of_text(NAME, {"redis.conf": redis_conf(memory_mib=plan.settings.limits_of(NAME).memory_mib)})]


def secret_files(plan: Plan, secrets: Secrets) -> Mapping[str, pulumi.Output[str]]:
    """Return the secret files that this component reads."""
    if not plan.runs("redis-exporter"):
        return {_ACL: secrets["cache_password"].apply(users_acl), PASSWORD: secrets["cache_password"]}
    both = pulumi.Output.all(secrets["cache_password"], secrets["metrics_cache_password"])
    return {_ACL: both.apply(lambda passwords: users_acl(*passwords)), PASSWORD: secrets["cache_password"]}


class Cache(pulumi.ComponentResource):
    """Redis on the data network, for the registry."""

    def __init__(self, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:cache:Cache", NAME, {}, opts)
        args = ServiceArgs(
            command=["redis-server", "/etc/redis/redis.conf"],
            healthcheck=Healthcheck(["redis-cli", "ping"]),
            parts={NAME: "/etc/redis"},
            secrets={_ACL: "/run/secrets/users.acl"},
        )
        self.service = Service(NAME, args, context, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


SPEC = ComponentSpec(services=(NAME,), start=Cache, parts=parts, secret_files=secret_files)
