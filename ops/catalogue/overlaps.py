"""Entries that write the same tag, or the same repositories: whichever is copied last wins, at every run."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from ops.catalogue.document import Document
from ops.catalogue.entry import RepositoryFilter
from ops.catalogue.model import Checked, Problem

# `3.22` is a pattern that matches the tag 3.22, whatever else it matches.
_LITERAL = re.compile(r"(?:[A-Za-z0-9_./-]|\\[./-])+")
_NARROW = "give each its own target, or narrow the tags of one"


def overlaps(checked: Iterable[Checked], document: Document) -> Iterator[Problem]:
    """Yield what is written by two entries, at the second one. Patterns that cannot be compared are let pass."""
    every = [one for one in checked if one.entry and one.entry.policies.enabled]
    yield from _of_tags(every, document)
    for first, second in itertools.combinations([one for one in every if one.whole], 2):
        if told := _of_registries(first, second, document):
            yield told


def _of_tags(checked: Iterable[Checked], document: Document) -> Iterator[Problem]:
    images: dict[tuple[str, str], Checked] = {}
    repositories: dict[str, list[Checked]] = defaultdict(list)
    single: list[tuple[str, str, Checked]] = []
    for one in checked:
        if one.entry is None or one.target is None:
            continue
        repository = f"{one.target.registry}/{one.target.repository}"
        if one.entry.type == "image":
            tag = one.target.tag or one.target.digest or "latest"
            if other := images.get((repository, tag)):
                yield _problem(f"{repository}:{tag}", other, one, document)
            images.setdefault((repository, tag), one)
            single.append((repository, tag, one))
        else:
            for other in repositories[repository]:
                if (common := _common(other, one)) is not None:
                    yield _problem(f"{repository}{common}", other, one, document)
                    break
            repositories[repository].append(one)
    for repository, tag, one in single:
        for other in repositories.get(repository, ()):
            if may_copy(other, tag):
                first, second = sorted((other, one), key=lambda each: each.item.index)
                yield _problem(f"{repository}:{tag}", first, second, document)
                break


def may_copy(checked: Checked, tag: str) -> bool:
    """Whether an entry surely copies a tag, if its source has it. Ranges of versions, and what Python cannot read, may."""
    filters = checked.entry.filters if checked.entry else ()
    return not filters or any(
        not one.semver_range
        and (not one.allow or any(_matches(pattern, tag) for pattern in one.allow))
        and not any(_matches(pattern, tag) for pattern in one.deny)
        for one in filters
    )


def _matches(pattern: str, tag: str) -> bool:
    try:
        return bool(re.search(f"^{pattern}$", tag))
    except re.error:
        return False


def _common(one: Checked, other: Checked) -> str | None:
    """Return a tag that both entries copy, with a colon, or nothing for all tags; None if none is certain."""
    sets = [checked.entry.filters if checked.entry else () for checked in (one, other)]
    if not all(sets) or set(sets[0]) & set(sets[1]):
        return ""
    for mine, theirs in ((one, other), (other, one)):
        for tag in _literals(mine):
            if may_copy(mine, tag) and may_copy(theirs, tag):
                return f":{tag}"
    return None


def _literals(checked: Checked) -> Iterator[str]:
    """Yield the tags that an entry names without any pattern."""
    for one in checked.entry.filters if checked.entry else ():
        yield from _named(one.allow)


def _named(patterns: Iterable[str]) -> Iterator[str]:
    """Yield what is named without any pattern."""
    return (re.sub(r"\\(.)", r"\1", pattern) for pattern in patterns if _LITERAL.fullmatch(pattern))


def _of_registries(first: Checked, second: Checked, document: Document) -> Problem | None:
    """Return what two entries of whole registries both write. One target within the other's has what is below it to itself."""
    if not (first.whole and second.whole and first.entry and second.entry) or first.whole.registry != second.whole.registry:
        return None
    here, folders = first.whole.registry, (first.whole.folder, second.whole.folder)
    if folders[0] == folders[1]:
        common = _common_repository(first.entry.repos, second.entry.repos)
        remedy = "give each its own target, or narrow repos of one"
        return None if common is None else _problem(f"{here}/{folders[0]}{common or '…'}", first, second, document, remedy)
    (outer, repos), (inner, _) = sorted(
        zip(folders, (first.entry.repos, second.entry.repos), strict=True), key=lambda one: len(one[0])
    )
    below = inner.removeprefix(outer)
    if not inner.startswith(outer) or not _lets_through(repos, f"{below}any"):
        return None
    remedy = f"that is left to the longer target; say so with repos: {{deny: ['{below}.*']}} at the shorter one"
    return _problem(f"{here}/{inner}…", first, second, document, remedy, severe=False)


def _common_repository(one: RepositoryFilter, other: RepositoryFilter) -> str | None:
    """Return a repository that both let through, or nothing for all of them; None if none is certain, as with tags."""
    none = RepositoryFilter()
    if none in (one, other) or one == other:
        return ""
    for mine, theirs in ((one, other), (other, one)):
        for name in _named(mine.allow):
            if _lets_through(mine, name) and _lets_through(theirs, name):
                return name
    return None


def _lets_through(repos: RepositoryFilter, name: str) -> bool:
    allowed = not repos.allow or any(_matches(pattern, name) for pattern in repos.allow)
    return allowed and not any(_matches(pattern, name) for pattern in repos.deny)


def _problem(
    what: str, first: Checked, second: Checked, document: Document, remedy: str = _NARROW, *, severe: bool = True
) -> Problem:
    where = (first.item.index, second.item.index)
    line = second.item.line_of("target")
    return Problem(line, f"writes {what}, as {document.place(first.item)} does", remedy, where, severe)
