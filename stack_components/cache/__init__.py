"""The cache: Redis, which holds the registry's blob descriptors and nothing that must not be lost."""

from stack_components.cache.component import SPEC, Cache

__all__ = ["SPEC", "Cache"]
