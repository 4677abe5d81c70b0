"""Repositories where the mirror writes that no entry of the catalogue names: what removed entries and single copies have left."""

from __future__ import annotations

from pathlib import Path

from ops.catalogue.document import Document
from ops.catalogue.model import Surroundings
from ops.catalogue.problems import checked
from ops.catalogue.targets import target_folders
from ops.cli.catalogue_files import is_of_host, mirror_of
from ops.config import Access


def orphans_of(document: Document, file: Path, root: object) -> list[str] | None:
    """Return a host's orphans that have tags; None where that cannot be told.

    Args:
        document: The catalogue.
        file: Its file; only that of this host says what is mirrored here.
        root: The stack's folder; None without one.
    """
    mirror = mirror_of(root)
    if mirror is None or not isinstance(root, Path) or not is_of_host(file, root):
        return None
    found = [(item, checked(item, Surroundings(environment=mirror.variables))) for item in document.entries]
    whole = [folder for _, folder in target_folders(document, mirror.variables, all_=True)]
    targets = [one.target for _, one in found if not (one.entry and one.entry.type == "registry")]
    if None in targets or "" in whole:
        return None  # a template, a mistake, or a registry that goes anywhere: it may name any of them
    from ops.stack.places import tree_of  # noqa: PLC0415  # nobody needs it in a checkout
    from ops.stack.stack import Stack  # noqa: PLC0415

    tree, named = tree_of(Stack(root)), {target.repository for target in targets if target}
    rights = [Access(repositories=pattern, actions=("push",)) for pattern in mirror.into]
    try:
        return sorted(
            name
            for name in tree.repository_names(lambda _: None)
            if name not in named
            and not name.startswith(tuple(whole))
            and any(one.covers(name) for one in rights)
            and tree.tag_names(name)
        )
    except OSError:
        return None  # as for whoever may not read the registry's files
