"""The secrets of a stack: the fourteen that have a name, the internal ones, and how missing ones are generated."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import pulumi
from pulumi_command import local

from infra.blocks.rotation import generation_name
from infra.blocks.upstreams import secret_values
from infra.messages import WATCHDOG_URL
from infra.plan import Plan
from infra.settings import DEFAULT_USER
from ops.config import RETENTION
from ops.config.notify import apprise_secret

# Generates a value: 32 random bytes, URL-safe. Never change this text: the command must not run a second time.
GENERATE = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"


class Origin(Enum):
    """Where a secret comes from if the stack does not set it."""

    GENERATED = "generated once and kept in the state"
    DEFAULT = "a fixed default"
    OPTIONAL = "does not exist; what needs it is off"


# The fourteen names of the system that this one replaces. On the host each is a file of that name.
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

# Shared between services; nobody types them. Those with services or a task listed are only made if there is one of these.
INTERNAL: Mapping[str, tuple[str, ...]] = {
    "cache_password": (),
    "events_token": (),
    "alerts_token": ("alertmanager",),
    "password_salt": (),
    "registry_http_secret": (),
    "token_signing_seed": (),
    "bouncer_key": ("crowdsec",),
    "grafana_password": ("grafana",),
    "grafana_secret_key": ("grafana",),
    "metrics_cache_password": ("redis-exporter",),
    "portainer_password": ("portainer",),
    "retention_password": (RETENTION,),
    "script_password": ("regbot",),
    "sign_on_token": ("oauth2-proxy",),
    "sync_password": ("regsync",),
}


class Secrets(pulumi.ComponentResource):
    """Every secret of the stack as an Output: set by the stack, or generated at the first `up` and kept."""

    def __init__(self, name: str, plan: Plan, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:infra:Secrets", name, {}, opts)
        settings = self._settings = plan.settings
        self._others: dict[str, pulumi.Output[str]] = {}
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
        logins = secret_values(settings.upstream_logins)
        self._values |= {secret: pulumi.Output.secret(value.get_secret_value()) for secret, value in logins.items()}
        self._values |= {
            apprise_secret(channel): pulumi.Output.secret(url.get_secret_value())
            for channel, url in settings.apprise_urls.items()
        }
        if settings.watchdog_url is not None:
            self._values[WATCHDOG_URL] = pulumi.Output.secret(settings.watchdog_url.get_secret_value())
        self._named = {*SECRETS, *logins, *map(apprise_secret, settings.apprise_urls), WATCHDOG_URL}
        for secret, services in INTERNAL.items():
            if not services or any(map(plan.has_client, services)):
                self._values[secret] = self._generate(secret)
        if settings.backup.target:
            for secret in ("backup_password", "backup_second_password"):
                self._values[secret] = self._generate(secret)
        self._passwords = {account.name: self._generate(f"password-{account.name}") for account in settings.accounts}
        self.register_outputs({})

    def __getitem__(self, name: str) -> pulumi.Output[str]:
        """Return a secret.

        Raises:
            KeyError: It is optional and not set, or there is no secret of that name.
        """
        return self._values[name]

    @property
    def named(self) -> Mapping[str, pulumi.Output[str]]:
        """Those that the stack sets, and those of the fourteen that have a value; the host gets all as files."""
        return {name: value for name, value in self._values.items() if name in self._named}

    @property
    def passwords(self) -> Mapping[str, pulumi.Output[str]]:
        """The generated passwords of the accounts other than the operator's, by account name."""
        return self._passwords

    def accepted(self, name: str) -> pulumi.Output[list[str]]:
        """Return the values of a secret that are accepted: the one in use, and during a rotation another one."""
        return pulumi.Output.all(self._values[name], *([self._others[name]] if name in self._others else []))

    def _generate(self, name: str) -> pulumi.Output[str]:
        rotation = self._settings.rotation_of(name)
        if rotation.also_accepted is not None:
            self._others[name] = generated(generation_name(name, rotation.also_accepted), GENERATE, self)
        return generated(generation_name(name, rotation.used), GENERATE, self)


def generated(name: str, command: str, parent: pulumi.Resource) -> pulumi.Output[str]:
    """Return what a command prints. It runs once; the value is kept in the state and never changes.

    Args:
        name: Name of the command.
        command: A shell command that prints the value.
        parent: The resource that the value belongs to.
    """
    made = local.Command(
        name,
        create=command,
        logging=local.Logging.NONE,
        add_previous_output_in_env=False,
        opts=pulumi.ResourceOptions(
            parent=parent,
            additional_secret_outputs=["stdout", "stderr"],
            # A changed input would run the command again, and the value would be lost.
            ignore_changes=["create", "logging", "addPreviousOutputInEnv"],
        ),
    )
    return pulumi.Output.secret(made.stdout)
