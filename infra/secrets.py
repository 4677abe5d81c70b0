"""The secrets of a stack: the fourteen by name, the internal ones, and how missing ones are generated."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import pulumi
from pulumi_command import local

from infra.plan import Plan
from infra.settings import DEFAULT_USER

# What generates a value runs once: its text never changes, and neither does the value. 32 random bytes, URL-safe.
GENERATE = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"


class Origin(Enum):
    """Where a secret comes from when the stack does not set it."""

    GENERATED = "generated once and kept in the state"
    DEFAULT = "a fixed default"
    OPTIONAL = "stays away; what needs it is off"


# The fourteen names of the system this replaces; on the host each is a file of that name.
SECRETS: Mapping[str, Origin] = {
    "ghcr_token": Origin.OPTIONAL,
    "ghcr_user": Origin.OPTIONAL,
    "gotify_token": Origin.OPTIONAL,
    "gotify_url_secret": Origin.OPTIONAL,
    "hub_token": Origin.OPTIONAL,
    "hub_user": Origin.OPTIONAL,
    "ntfy_token": Origin.OPTIONAL,
    "oauth2_cookie_secret": Origin.GENERATED,
    "oidc_client_id": Origin.OPTIONAL,
    "oidc_client_secret": Origin.OPTIONAL,
    "private_registry_identifier": Origin.GENERATED,
    "registry_host": Origin.DEFAULT,
    "registry_pass": Origin.GENERATED,
    "registry_user": Origin.DEFAULT,
}

# Shared between services only; nobody types them. Those that name services are made when one of these runs.
INTERNAL: Mapping[str, tuple[str, ...]] = {
    "cache_password": (),
    "events_token": (),
    "password_salt": (),
    "registry_http_secret": (),
    "token_signing_seed": (),
    "bouncer_key": ("crowdsec",),
    "grafana_password": ("grafana",),
    "grafana_secret_key": ("grafana",),
    "metrics_cache_password": ("redis-exporter",),
    "portainer_password": ("portainer",),
    "retention_password": ("regbot",),
    "sign_on_token": ("oauth2-proxy",),
    "sync_password": ("regsync",),
}


class Secrets(pulumi.ComponentResource):
    """Every secret of the stack as an Output: given by the configuration, or generated on the first `up` and kept."""

    def __init__(self, name: str, plan: Plan, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:infra:Secrets", name, {}, opts)
        settings = plan.settings
        self._values: dict[str, pulumi.Output[str]] = {}
        defaults = {"registry_host": settings.registry_host, "registry_user": DEFAULT_USER}
        for secret, origin in SECRETS.items():
            given = getattr(settings, secret)
            if given is not None and not isinstance(given, str):
                self._values[secret] = pulumi.Output.secret(given.get_secret_value())
            elif origin is Origin.DEFAULT:
                self._values[secret] = pulumi.Output.secret(defaults[secret])
            elif origin is Origin.GENERATED:
                self._values[secret] = self._generate(secret)
        for secret, services in INTERNAL.items():
            if not services or any(map(plan.runs, services)):
                self._values[secret] = self._generate(secret)
        self._passwords = {account.name: self._generate(f"password-{account.name}") for account in settings.accounts}
        self.register_outputs({})

    def __getitem__(self, name: str) -> pulumi.Output[str]:
        """Return a secret.

        Raises:
            KeyError: It is optional and not set, or there is none of that name.
        """
        return self._values[name]

    @property
    def named(self) -> Mapping[str, pulumi.Output[str]]:
        """Those of the fourteen that have a value."""
        return {name: value for name, value in self._values.items() if name in SECRETS}

    @property
    def passwords(self) -> Mapping[str, pulumi.Output[str]]:
        """The generated passwords of the accounts beside the operator's, by account name."""
        return self._passwords

    def _generate(self, name: str) -> pulumi.Output[str]:
        return generated(name, GENERATE, self)


def generated(name: str, command: str, parent: pulumi.Resource) -> pulumi.Output[str]:
    """Return what a command prints, run once: it is kept in the state, and its value never changes.

    Args:
        name: Of the command.
        command: A shell command that prints the value.
        parent: What the value belongs to.
    """
    made = local.Command(
        name,
        create=command,
        logging=local.Logging.NONE,
        add_previous_output_in_env=False,
        opts=pulumi.ResourceOptions(
            parent=parent,
            additional_secret_outputs=["stdout", "stderr"],
            # A changed input would run the command again and lose the value.
            ignore_changes=["create", "logging", "addPreviousOutputInEnv"],
        ),
    )
    return pulumi.Output.secret(made.stdout)
