"""The cache: Redis, which holds the registry's blob descriptors and nothing that cannot be lost."""

from stack_components.cache.component import Cache, parts, secret_files

__all__ = ["Cache", "parts", "secret_files"]
