"""The registry: CNCF Distribution on the host's file system."""

from stack_components.registry.component import CONCERN, Registry

__all__ = ["CONCERN", "Registry"]
