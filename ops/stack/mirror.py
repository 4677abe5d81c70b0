"""What a stack mirrors, as the catalogue on this host says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ops.catalogue.document import Document
from ops.catalogue.errors import CatalogueError
from ops.catalogue.shipped import working_copy
from ops.catalogue.targets import upstreams_of
from ops.stack.stack import Stack


def catalogue_of(stack: Stack) -> Document:
    """Return the catalogue of a stack, as it is on this host.

    Raises:
        CatalogueError: It is missing, or cannot be read.
    """
    path = working_copy(stack.root)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CatalogueError(f"{path} is missing; `bin/regops catalogue push` or `up` brings it") from None
    return Document.of(content, path)


def mirrored_from(stack: Stack) -> Mapping[str, Sequence[str]]:
    """Return by repository here those that it is mirrored from, with their registries; none if the catalogue cannot be read."""
    if stack.config.sync is None:
        return stack.config.upstreams
    try:
        return upstreams_of(catalogue_of(stack), {})
    except CatalogueError:
        return {}
