"""What a catalogue copies where: the repositories here, and those upstream that each is copied from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ops.catalogue.document import Document, Item
from ops.catalogue.model import Checked, Surroundings
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
            yield item, one.whole.folder if one.whole else ""


def upstreams_of(document: Document, environment: Mapping[str, str], here: Iterable[str] = ()) -> Mapping[str, tuple[str, ...]]:
    """Return by repository here those that it is copied from, with their registries: `docker.io/library/alpine`.

    Entries that are switched off count too: what they have copied is still here.

    Args:
        document: The catalogue.
        environment: Variables that templates want.
        here: The repositories that there are: entries of whole registries do not name theirs, and a repository that no other
            entry names may be one of these.
    """
    found: dict[str, set[str]] = {}
    for _, source, target in _copies(document, environment, all_=True):
        found.setdefault(target, set()).add(source)
    whole = [one for item in document.entries if (one := checked(item, Surroundings(environment=environment))).whole]
    for name in set(here) - found.keys():
        if sources := {source for one in whole if (source := _part(one, name))}:
            found[name] = sources
    return {name: tuple(sorted(found[name])) for name in sorted(found)}


def _part(one: Checked, name: str) -> str:
    """Return the repository of a whole registry that is copied to one here; empty if none is."""
    if one.whole is None or one.entry is None or not name.startswith(one.whole.folder):
        return ""
    from ops.catalogue.tag_filter import matching_repositories  # noqa: PLC0415  # few mirror whole registries

    there = name.removeprefix(one.whole.folder)
    try:
        return f"{one.whole.source}/{there}" if matching_repositories(one.entry.repos, [there]) else ""
    except ValueError:
        return ""  # its mirror says so


def _copies(document: Document, environment: Mapping[str, str], *, all_: bool = False) -> Iterator[tuple[Item, str, str]]:
    for item in document.entries:
        one = checked(item, Surroundings(environment=environment))
        if one.entry and one.source and one.target and (all_ or one.entry.policies.enabled):
            yield item, f"{one.source.registry}/{one.source.repository}", one.target.repository
