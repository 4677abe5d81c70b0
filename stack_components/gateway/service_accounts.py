"""The accounts of services and tasks that are clients of the registry. Each may only do what its work needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.plan import Plan
from infra.settings import Settings
from ops.config import RETENTION, Access, Action


@dataclass(frozen=True)
class ServiceAccount:
    """The account of a service or task; its name is the service's, or the task's.

    Attributes:
        password: The name of its password among the internal secrets.
        access: What it may do in a stack.
    """

    password: str
    access: Callable[[Settings], tuple[Access, ...]]


def _mirrored(settings: Settings) -> tuple[Access, ...]:
    return _each([*settings.sync.into, *(entry.repository for entry in settings.sync.entries)], "pull", "push")


def _scripted(settings: Settings) -> tuple[Access, ...]:
    # Push too: if a tag cannot be deleted directly, regbot replaces it with an empty image and deletes that.
    return _each([name for script in settings.sync.scripts for name in script.repositories], "pull", "push", "delete")


def _pruned(settings: Settings) -> tuple[Access, ...]:
    return _each([*settings.sync.into, *(rule.repository for rule in settings.sync.retention)], "pull", "delete")


def _each(repositories: list[str], *actions: Action) -> tuple[Access, ...]:
    return tuple(Access(repositories=repository, actions=actions) for repository in sorted(set(repositories)))


# Their names are reserved: infra.blocks.registry.
SERVICE_ACCOUNTS: Mapping[str, ServiceAccount] = {
    "regsync": ServiceAccount("sync_password", _mirrored),
    "regbot": ServiceAccount("script_password", _scripted),
    RETENTION: ServiceAccount("retention_password", _pruned),
}


def service_accounts(plan: Plan) -> Mapping[str, ServiceAccount]:
    """Return the accounts of the services that run and of the tasks that have something to do, by name."""
    return {name: account for name, account in SERVICE_ACCOUNTS.items() if plan.has_client(name)}
