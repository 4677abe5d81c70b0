"""The check of tags: those that clients are told of, and that nobody can pull."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ops.core.findings import OK, WARNING, Check, and_more
from ops.registry.leftovers import leftovers_of
from ops.registry.tree import RegistryTree, TreeError
from ops.stack.places import tree_of
from ops.stack.stack import Stack

_NAME = "tags"
_HOUR_S = 3600.0


def tags(stack: Stack) -> Check:
    """Check whether each tag has a manifest in its repository. What was written within `gc.min_age_hours` may be half done."""
    until = time.time() - stack.config.gc.min_age_hours * _HOUR_S
    tree = tree_of(stack)
    found = [one for name in sorted(tree.repository_names(lambda _: None)) for one in _empty(tree, name, until)]
    if not found:
        return Check(_NAME, OK, "each has an image")
    image, why = found[0]
    detail = f"clients are told of {image}{and_more(found)}, and cannot pull it: {why}"
    return Check(_NAME, WARNING, detail, f"`regops delete {image}` deletes it, or push it again")


def _empty(tree: RegistryTree, repository: str, until: float) -> Iterator[tuple[str, str]]:
    """Yield the tags of a repository that have no manifest, each with the reason. What cannot be read is no concern of this."""
    try:
        left = leftovers_of(tree, repository)
        names = tree.tag_names(repository)
    except OSError:
        return
    yield from (
        (f"{repository}:{tag}", "only its folder is left; the next `regops gc` deletes that")
        for tag, since in left.items()
        if since / 1e9 <= until
    )
    for tag in names:
        try:
            digest = tree.tagged(repository, tag)
        except TreeError:
            yield f"{repository}:{tag}", "its link is damaged"
        except OSError:
            continue
        else:
            if digest and not tree.revision(repository, digest).exists() and _since(tree, repository, tag, digest) <= until:
                yield f"{repository}:{tag}", f"its manifest was deleted, {digest}"


def _since(tree: RegistryTree, repository: str, tag: str, digest: str) -> float:
    """Return since when a tag has had no manifest: the registry deletes the manifest first, then its tags."""
    times = [0.0]
    for file in (tree.tag(repository, tag), tree.revision(repository, digest).parent):
        try:
            times.append(file.stat().st_mtime)
        except OSError:
            continue
    return max(times)
