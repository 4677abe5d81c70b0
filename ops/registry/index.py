"""The index of a moment: which tags, manifests and blobs each repository had, as one compact file. Blobs are not in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ops.core import exit_codes
from ops.core.json_lines import DamagedError, each_line, write_lines
from ops.registry.listing import Listing
from ops.registry.tree import Entry, Kind

SCHEMA = 1


class IndexDamagedError(Exception):
    """An index cannot be read; the message names the file."""

    exit_code = exit_codes.FAILED


@dataclass(frozen=True)
class RepositoryIndex:
    """What one repository had.

    Attributes:
        tags: By tag, the digest that it pointed to.
        histories: By tag, the digests that it had ever pointed to. A tag that was being pushed for the first time has none.
        revisions: Digests of its manifests.
        layers: Digests of its blobs.
        aliases: The digest under which the registry keeps a blob, by its digest of another algorithm.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    histories: Mapping[str, Sequence[str]] = field(default_factory=dict)
    revisions: Sequence[str] = ()
    layers: Sequence[str] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)

    def stored_as(self, digest: str) -> str:
        """Return the digest under which the registry keeps a blob."""
        return self.aliases.get(digest, digest)

    def entries(self, name: str) -> Iterator[Entry]:
        """Yield all links of it, under its name, in an order in which they can be written.

        Earlier versions also noted the history of tags that had no image; without one it would make a tag that nobody can pull.
        """
        yield from (Entry(Kind.LAYER, digest, name) for digest in self.layers)
        yield from (Entry(Kind.REVISION, digest, name) for digest in self.revisions)
        histories = ((tag, self.histories.get(tag, ())) for tag in self.tags)
        yield from (Entry(Kind.TAG_HISTORY, one, name, tag) for tag, digests in histories for one in digests)
        yield from (Entry(Kind.TAG, digest, name, tag) for tag, digest in self.tags.items())


Index = Mapping[str, RepositoryIndex]
_KINDS = {"tags": dict, "histories": dict, "revisions": list, "layers": list, "aliases": dict}


def linked_blobs(repositories: Iterable[RepositoryIndex]) -> set[str]:
    """Return the digests of all blobs, manifests included, that links of repositories lead to."""
    return {digest for one in repositories for digest in (*one.revisions, *map(one.stored_as, one.layers))}


def index_of(listing: Listing) -> Index:
    """Return the index of what was listed."""
    index: dict[str, RepositoryIndex] = {}
    for name, links in sorted(listing.repositories.items()):
        histories: dict[str, list[str]] = {}
        for tag, digest in sorted(links.histories):
            if tag in links.pointed:  # the registry writes the history of a new tag before the tag
                histories.setdefault(tag, []).append(digest)
        tags = dict(sorted(links.pointed.items()))
        index[name] = RepositoryIndex(tags, histories, sorted(links.revisions), sorted(links.layers), links.aliases)
    return index


def write_index(file: Path, index: Index) -> None:
    """Write an index: a line that says what it is, and one for each repository.

    Raises:
        OSError: It cannot be written, as on a full disk; nothing of it remains.
    """
    known = ({key: value for key, value in asdict(one).items() if value} for one in index.values())
    repositories = ({"repository": name, **one} for name, one in zip(index, known, strict=True))
    write_lines(file, [{"index": "private registry", "schema": SCHEMA}, *repositories])


def read_index(file: Path) -> Index:
    """Read an index.

    Raises:
        IndexDamagedError: It is not there, is damaged, or was made by a later version.
    """
    return dict(_each(file))


def tags_in(file: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the repositories of an index, and what their tags pointed to: the rest, which is most of it, is not kept.

    Raises:
        IndexDamagedError: It is not there, is damaged, or was made by a later version.
    """
    return ((name, one.tags) for name, one in _each(file))


def _each(file: Path) -> Iterator[tuple[str, RepositoryIndex]]:
    try:
        lines = each_line(file)
        if next(lines)["schema"] > SCHEMA:
            raise IndexDamagedError(f"{file} was made by a later version of regops; use that version")
        yield from map(_repository, lines)
    except (OSError, DamagedError, ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise IndexDamagedError(f"{file} cannot be read ({error}); use another snapshot") from error


def _repository(document: dict[str, Any]) -> tuple[str, RepositoryIndex]:
    name = document.pop("repository")
    kinds = all(isinstance(value, _KINDS[key]) for key, value in document.items())
    if not isinstance(name, str) or not kinds or not all(isinstance(one, list) for one in document.get("histories", {}).values()):
        raise TypeError(f"what it has of {name!r} is not what was written")
    return name, RepositoryIndex(**document)
