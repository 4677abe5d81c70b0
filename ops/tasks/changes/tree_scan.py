"""Reads tags and digests from the registry's tree on this host: no token, no requests, and it names damaged files."""

from __future__ import annotations

from ops.registry.tree import RegistryTree, TreeError
from ops.tasks.changes.model import IGNORED, Scan, Unknown


def scan_of_tree(tree: RegistryTree) -> Scan:
    """Read all tags.

    Raises:
        TreeError: The tree does not exist or cannot be read: its disk may not be mounted.
    """
    unreadable: list[OSError] = []
    try:
        next(tree.root.iterdir(), None)
    except OSError as error:
        raise TreeError(f"{tree.root}: {error.strerror}; check that the registry's disk is mounted") from error
    names = [name for name in tree.repository_names(unreadable.append) if name not in IGNORED]
    missing = Unknown(_reason(unreadable[0])) if unreadable else None
    return Scan({name: _tags(tree, name) for name in names}, missing)


def _tags(tree: RegistryTree, repository: str) -> dict[str, str | Unknown] | Unknown:
    try:
        tags = {tag: _tagged(tree, repository, tag) for tag in tree.tag_names(repository)}
    except OSError as error:
        return Unknown(_reason(error))
    return {tag: digest for tag, digest in tags.items() if digest}


def _tagged(tree: RegistryTree, repository: str, tag: str) -> str | Unknown | None:
    """Return what a tag points to; None if it has just been removed."""
    try:
        return tree.tagged(repository, tag)
    except TreeError as error:
        return Unknown(str(error))
    except OSError as error:
        return Unknown(_reason(error))


def _reason(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}"
