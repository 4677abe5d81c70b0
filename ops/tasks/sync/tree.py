"""What the mirror reads of the registry's tree while copies write to it: what is half there counts as not there."""

from __future__ import annotations

from ops.registry.tree import RegistryTree, TreeError


def tagged(tree: RegistryTree, repository: str, tag: str) -> str | None:
    """Return what a tag points to; None if it is not there, or cannot be read: a copy writes it again."""
    try:
        return tree.tagged(repository, tag)
    except (OSError, TreeError):
        return None


def size_of(tree: RegistryTree, digest: str) -> int:
    """Return the bytes of a blob or manifest; 0 if it is not there."""
    try:
        return tree.blob(digest).stat().st_size
    except OSError:
        return 0
