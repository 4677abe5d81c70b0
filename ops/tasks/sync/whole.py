"""Whole registries: an entry of type registry is mirrored as one entry for each repository that its upstream lists.

https://github.com/regclient/regclient/blob/v0.11.6/cmd/regsync/root.go
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from ops.catalogue.entry import Entry
from ops.catalogue.names import Name
from ops.catalogue.signed import defaults_of
from ops.catalogue.tag_filter import matching_repositories
from ops.config import REPOSITORY_NAME
from ops.tasks.sync.model import Failure, MirrorEntry

_NAME = re.compile(REPOSITORY_NAME)


def part_of(entry: MirrorEntry, repository: str) -> MirrorEntry:
    """Return the entry of one repository of a whole registry.

    Args:
        entry: The entry of the registry.
        repository: Its path there.
    """
    assert entry.entry is not None  # noqa: S101  # it can be read
    source = Name(entry.registry, repository)
    one = _signed(entry.entry.model_copy(update={"type": "repository"}), source)
    target = f"{entry.repository}/{repository}" if entry.repository else repository
    return replace(entry, source=source, repository=target, entry=one, registry="", of=entry)


def parts_of(
    entry: MirrorEntry, listed: Sequence[str], taken: Collection[str], folders: Collection[str] = ()
) -> list[MirrorEntry] | Failure:
    """Return the entries of all repositories of a registry that are wanted.

    Args:
        entry: The entry of the registry.
        listed: What it lists. What is no name of a repository is left out: nobody else may say where something is written.
        taken: Repositories here that entries of their own write.
        folders: Below what the whole registries of the catalogue are written here: what is below a target within the entry's own
            is left to that other one.
    """
    assert entry.entry is not None  # noqa: S101  # it can be read
    try:
        wanted = [name for name in matching_repositories(entry.entry.repos, listed) if _NAME.fullmatch(name)]
    except ValueError as error:
        return Failure(f"its repositories cannot be matched: {error}", "simplify repos in the catalogue")
    if not wanted:
        return Failure(f"no repository matches, of {len(listed)} upstream", "correct its repos in the catalogue, or remove it")
    own = f"{entry.repository}/" if entry.repository else ""
    others = tuple(one for one in folders if one != own and one.startswith(own))
    parts = [part_of(entry, name) for name in wanted]
    return [one for one in parts if one.repository not in taken and not one.repository.startswith(others)]


def _signed(entry: Entry, source: Name) -> Entry:
    names = {field.alias: name for name, field in Entry.model_fields.items()}
    found = {} if entry.platform else {names[key]: value for key, value in defaults_of(source).items()}
    return entry.model_copy(update={name: value for name, value in found.items() if name not in entry.model_fields_set})
