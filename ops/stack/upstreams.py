"""The accounts that a stack has at the registries that images come from."""

from __future__ import annotations

from ops.registry.client import Login
from ops.stack.stack import Stack


def upstream_login(stack: Stack, registry: str) -> Login | None:
    """Return a stack's account at a registry; None if it has none there.

    Raises:
        ConfigError: It cannot be read.
    """
    pair = stack.config.upstream_logins.get(registry)
    return Login(*(stack.secret(name).strip() for name in pair)) if pair else None
