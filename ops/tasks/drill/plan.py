"""What a drill tries: the canary, and some repositories by chance, other ones for each backup."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ops.registry.canary import REPOSITORY
from ops.registry.index import Index, RepositoryIndex
from ops.registry.references import listed_in, members_of, size_in
from ops.tasks.drill.model import DrillOptions

# Where manifests list what a client fetches.
_LISTS = ("config", "layers", "manifests")


@dataclass(frozen=True)
class Candidate:
    """A tag that may be tried.

    Attributes:
        repository: Its repository.
        tag: Its name.
        digest: What it points to.
    """

    repository: str
    tag: str
    digest: str

    def __str__(self) -> str:
        """Name it as an operator does."""
        return f"{self.repository}:{self.tag}"


def candidates(index: Index, options: DrillOptions, seed: str) -> list[Candidate]:
    """Return the tags that are tried if they fit, of one repository after the other; the same for the same seed.

    The first tag of each repository comes before the second of any, so that a few large images do not push the others out.
    """
    chance = random.Random(seed)  # noqa: S311  # a sample, not a secret
    names = sorted(name for name, one in index.items() if one.tags and name != REPOSITORY)
    chosen = [*([REPOSITORY] if REPOSITORY in index else []), *chance.sample(names, min(options.repositories, len(names)))]
    rounds = list[tuple[int, Candidate]]()
    for name in chosen:
        tags = sorted(index[name].tags)
        for number, tag in enumerate(chance.sample(tags, min(options.tags, len(tags)))):
            rounds.append((number, Candidate(name, tag, index[name].tags[tag])))
    return [one for _, one in sorted(rounds, key=lambda pair: pair[0])]


def fitting(
    found: Sequence[Candidate], needed: Callable[[Candidate], Iterable[tuple[str, int]]], limit: int
) -> tuple[list[Candidate], set[str], int]:
    """Return which tags fit into a number of bytes, with the blobs that they need, and their bytes.

    Args:
        found: In the order in which they are taken.
        needed: Returns the blobs of one, with their sizes.
        limit: How many bytes.
    """
    taken, blobs, size = list[Candidate](), set[str](), 0
    for one in found:
        more = {digest: length for digest, length in needed(one) if digest not in blobs}
        if size + sum(more.values()) <= limit:
            taken.append(one)
            blobs |= more.keys()
            size += sum(more.values())
    return taken, blobs, size


def sizes_in(manifest: bytes) -> list[tuple[str, int]]:
    """Return the descriptors of a manifest as digest and size; what cannot be understood is left out."""
    members = members_of(manifest)
    return [(one["digest"], size_in(one)) for key in _LISTS for one in listed_in(members, key)]


def part_of(index: Index, taken: Iterable[Candidate]) -> Index:
    """Return the index of these tags alone; manifests and layers of their repositories stay linked."""
    tags = dict[str, dict[str, str]]()
    for one in taken:
        tags.setdefault(one.repository, {})[one.tag] = one.digest
    return {
        name: RepositoryIndex(some, {}, index[name].revisions, index[name].layers, index[name].aliases)
        for name, some in tags.items()
    }
