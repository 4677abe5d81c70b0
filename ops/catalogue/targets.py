"""What a catalogue copies where: the repositories here, and those upstream that each is copied from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ops.catalogue.document import Document, Item
from ops.catalogue.model import Surroundings
from ops.catalogue.names import filled_in
from ops.catalogue.problems import checked


def target_repositories(document: Document, environment: Mapping[str, str]) -> Iterator[tuple[Item, str]]:
    """Yield the repositories here that entries write, of all entries that are switched on and name one.

    Args:
        document: The catalogue.
        environment: Variables that templates want.
    """
    for item, _, target in _copies(document, environment):
        yield item, target


def target_folders(document: Document, environment: Mapping[str, str], *, all_: bool = False) -> Iterator[tuple[Item, str]]:
    """Yield below what entries of whole registries write here, with a slash at its end; empty for anywhere.

    Args:
        document: The catalogue.
        environment: Variables that templates want.
        all_: Whether those that are switched off count, too.
    """
    for item in document.entries:
        one = checked(item, Surroundings(environment=environment))
        if one.entry and one.entry.type == "registry" and (all_ or one.entry.policies.enabled):
            path = (filled_in(item.text("target"), environment) or "").partition("/")[2]
            yield item, f"{path}/" if path else ""


def upstreams_of(document: Document, environment: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    """Return by repository here those that it is copied from, with their registries: `docker.io/library/alpine`.

    Entries that are switched off count too: what they have copied is still here. Those that copy a whole registry do not name
    repositories.

    Args:
        document: The catalogue.
        environment: Variables that templates want.
    """
    found: dict[str, set[str]] = {}
    for _, source, target in _copies(document, environment, all_=True):
        found.setdefault(target, set()).add(source)
    return {name: tuple(sorted(found[name])) for name in sorted(found)}


def _copies(document: Document, environment: Mapping[str, str], *, all_: bool = False) -> Iterator[tuple[Item, str, str]]:
    for item in document.entries:
        one = checked(item, Surroundings(environment=environment))
        if one.entry and one.source and one.target and (all_ or one.entry.policies.enabled):
            yield item, f"{one.source.registry}/{one.source.repository}", one.target.repository
