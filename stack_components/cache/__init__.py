"""The cache: Redis, which holds the registry's blob descriptors and nothing that cannot be lost."""

from stack_components.cache.component import CONCERN, Cache

__all__ = ["CONCERN", "Cache"]
