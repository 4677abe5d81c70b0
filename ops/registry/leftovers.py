"""What is left of tags: folders without an image, whose tags the registry lists, and which nobody can pull.

The registry writes the history of a new tag before the tag itself, and deletes a tag file by file. Killed in between, it leaves
the rest: https://github.com/distribution/distribution/blob/v3.1.1/registry/storage/tagstore.go
"""

from __future__ import annotations

import os

from ops.registry.tree import RegistryTree, points


def leftovers_of(tree: RegistryTree, repository: str) -> dict[str, int]:
    """Return what is left of a repository's tags: by tag, when something was last written to its folder (`left_since`).

    Raises:
        OSError: The folder of its tags cannot be read.
    """
    try:
        names = os.listdir(tree.repository(repository) / "_manifests" / "tags")  # noqa: PTH208
    except FileNotFoundError:
        return {}
    found = {name: left_since(str(tree.tag_folder(repository, name))) for name in sorted(names)}
    return {name: since for name, since in found.items() if since is not None}


def left_since(tag_folder: str) -> int | None:
    """Return when something was last written to what is left of a tag, in nanoseconds since 1970.

    It may be a push that is under way, which has written the history and not yet the tag.

    Returns:
        None if the tag has an image, or is gone.
    """
    if points(tag_folder):
        return None
    try:
        # Whatever the registry writes or deletes changes the folder that it is in.
        return max((os.stat(folder).st_mtime_ns for folder, _, _ in os.walk(tag_folder)), default=None)  # noqa: PTH116
    except FileNotFoundError:
        return None
