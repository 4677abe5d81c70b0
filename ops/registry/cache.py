"""The registry's cache of which blobs are there: emptied, or made to forget single files that were deleted.

The registry believes what it says about deleted files: https://github.com/distribution/distribution/issues/2945
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ops.registry.tree import Entry, Kind

# So many keys are named in one command.
_AT_ONCE = 500


class Cache(Protocol):
    """A cache that a registry uses, or may use."""

    def check(self) -> None:
        """Raise if it could not be told anything now: it is told of files that are gone already."""

    def flush(self) -> None:
        """Empty it; raises if that fails."""

    def forget(self, entries: Iterable[Entry]) -> None:
        """Remove what it says about files that were deleted, and nothing else; raises if that fails.

        The registry takes an index that lists blobs, as build caches have it, only if the cache has them: clients that were told
        that a blob is there must not be refused because others went.
        """


class NoCache:
    """What a registry without a cache has."""

    def check(self) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""

    def forget(self, entries: Iterable[Entry]) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class RedisCache:
    """The cache in a Redis.

    Attributes:
        send: Logs in, and sends commands, each of several words without spaces; raises if one fails.
    """

    send: Callable[[Sequence[Sequence[str]]], None]

    def check(self) -> None:
        """See Cache."""
        self.send([])

    def flush(self) -> None:
        """See Cache."""
        self.send([["FLUSHDB"]])

    def forget(self, entries: Iterable[Entry]) -> None:
        """See Cache."""
        if commands := list(_forgetting(entries)):
            self.send(commands)


def _forgetting(entries: Iterable[Entry]) -> Iterator[list[str]]:
    """Yield the commands that make it forget files.

    https://github.com/distribution/distribution/blob/v3.1.1/registry/storage/cache/redis/redis.go
    """
    keys, members = dict[str, None](), dict[str, list[str]]()
    for entry in entries:
        if entry.kind in {Kind.BLOB, Kind.LAYER, Kind.REVISION}:
            keys[f"blobs::{entry.digest}"] = None
        if entry.kind in {Kind.LAYER, Kind.REVISION}:
            blobs = f"repository::{entry.repository}::blobs"
            keys[f"{blobs}::{entry.digest}"] = None
            members.setdefault(blobs, []).append(entry.digest)
    for blobs, digests in members.items():
        yield from (["SREM", blobs, *some] for some in _in_parts(digests))
    yield from (["UNLINK", *some] for some in _in_parts(list(keys)))


def _in_parts(words: Sequence[str]) -> Iterator[Sequence[str]]:
    return (words[start : start + _AT_ONCE] for start in range(0, len(words), _AT_ONCE))
