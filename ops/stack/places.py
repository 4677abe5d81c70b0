"""Where a stack has its registry's files, and what its containers are called. It imports nothing that works on them."""

from __future__ import annotations

from ops.config import container_name
from ops.registry.tree import RegistryTree
from ops.stack.stack import Stack


def tree_of(stack: Stack) -> RegistryTree:
    """Return the registry's tree."""
    return RegistryTree(stack.root / stack.config.registry_data)


def container(stack: Stack, service: str) -> str:
    """Return the name of a service's container."""
    return container_name(stack.config.stack, service)
