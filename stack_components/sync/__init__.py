"""The mirror: regsync copies images into the registry, regbot deletes old tags from it."""

from stack_components.sync.component import SPEC, Sync

__all__ = ["SPEC", "Sync"]
