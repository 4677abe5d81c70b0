"""Which tags and repositories an entry means: the same ones that regsync would copy, and the highest versions among them.

https://github.com/regclient/regclient/blob/v0.11.6/cmd/regsync/root.go
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ops.catalogue.entry import Entry, RepositoryFilter, TagFilter
from ops.catalogue.patterns import Patterns
from ops.catalogue.semver import Range, version
from ops.config import version_of

# What makes a version come before the one that it leads to, in their order.
_BEFORE = ("nightly", "snapshot", "canary", "edge", "dev", "alpha", "beta", "milestone", "preview", "pre", "rc")
_LEADS_TO = re.compile(rf"[0-9][-._+~]?({'|'.join(_BEFORE)})(?![a-z])")


def matching(entry: Entry, tags: Sequence[str]) -> list[str]:
    """Return the tags that an entry names, in their order; all of them if it has no filters.

    Args:
        entry: An entry of type repository.
        tags: What the repository has.

    Raises:
        ValueError: A pattern or a range is too large for what reads it.
    """
    if not entry.filters:
        return list(tags)
    passes = [_passed(one) for one in entry.filters]
    return [tag for tag in tags if any(passed(tag) for passed in passes)]


def matching_repositories(repos: RepositoryFilter, listed: Sequence[str]) -> list[str]:
    """Return the repositories of a registry that an entry lets through, in their order.

    Raises:
        ValueError: A pattern is too large for what reads it.
    """
    allow, deny = Patterns(repos.allow), Patterns(repos.deny)
    return [name for name in listed if (not repos.allow or allow.match(name)) and not deny.match(name)]


def highest(tags: Sequence[str], count: int) -> list[str]:
    """Return the highest versions, the highest first.

    Numbers count by value, and missing ones as 0. Of the same version, pre-releases come last, and 17.2-alpine is another tag
    than 17.2: the one with the higher further numbers, or else the later in the alphabet, comes first. Tags without numbers are
    the lowest.

    Args:
        tags: Tags; each counts once.
        count: How many of them are returned, at most.
    """
    return sorted(dict.fromkeys(tags), key=_height, reverse=True)[:count]


def _height(tag: str) -> tuple[tuple[int, ...], int, tuple[tuple[int, ...], ...], str]:
    numbers = version_of(tag)
    first = list(numbers[0]) if numbers else [-1]
    while len(first) > 1 and not first[-1]:
        first.pop()
    leads_to = _LEADS_TO.search(tag.lower())
    return tuple(first), _BEFORE.index(leads_to[1]) if leads_to else len(_BEFORE), numbers[1:], tag


def _passed(one: TagFilter) -> Callable[[str], bool]:
    """Return what tells whether a set of filters lets a tag through."""
    ranges = [Range(text) for text in one.semver_range]
    allow, deny = Patterns(one.allow), Patterns(one.deny)

    def passed(tag: str) -> bool:
        if ranges:
            found = version(tag)
            if found is None or not any(found in one for one in ranges):
                return False
        return (not one.allow or allow.match(tag)) and not deny.match(tag)

    return passed
