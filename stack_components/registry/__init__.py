"""The registry: CNCF Distribution on the host's file system."""

from stack_components.registry.component import SPEC, Registry

__all__ = ["SPEC", "Registry"]
