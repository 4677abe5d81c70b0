"""Whether a tag is still what somebody saw who decided what becomes of it."""

from __future__ import annotations

from ops.config import NOTHING
from ops.registry.tree import RegistryTree


def unexpected(tree: RegistryTree, repository: str, tag: str, expect: str) -> str:
    """Return why a tag is not what it is expected to be; empty if it is, or if nothing is expected.

    Args:
        tree: The registry's.
        repository: Its repository.
        tag: The tag.
        expect: The digest that it should point to, or `nothing`; empty if it may point to anything.

    Raises:
        TreeError: Its link is damaged.
    """
    if not expect:
        return ""
    now = tree.tagged(repository, tag) or NOTHING
    return "" if now == expect else f"{repository}:{tag} points to {now} now, not to {expect} any more; look at the plan again"
