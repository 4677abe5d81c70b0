"""What the mirror reads of the registry's tree while copies write to it: what is half there counts as not there."""

from __future__ import annotations

from ops.registry.references import MAX_MANIFEST_BYTES, listed_in, members_of
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


def referrers_of(tree: RegistryTree, repository: str, digest: str) -> frozenset[str]:
    """Return what refers to a manifest, as the tag says in which registries without the OCI's list keep it.

    https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema
    """
    index = tagged(tree, repository, digest.replace(":", "-", 1))
    return platforms_of(tree, index) if index else frozenset()  # a copy writes again what cannot be read


def platforms_of(tree: RegistryTree, digest: str) -> frozenset[str]:
    """Return the manifests that an index lists, such as those of its platforms; none if it is not here, or is no index."""
    try:
        members = members_of(tree.blob(digest).read_bytes()[:MAX_MANIFEST_BYTES])
    except OSError:
        return frozenset()
    return frozenset(one["digest"] for one in listed_in(members, "manifests"))
