"""What upstream has for an entry that somebody is about to write: how many tags, which of them match, and what it grants."""

from __future__ import annotations

from dataclasses import dataclass

from ops.catalogue.entry import Entry
from ops.catalogue.names import Name
from ops.catalogue.tag_filter import highest, matching
from ops.upstream.budget import Budget
from ops.upstream.client import Upstream

_LATEST = "latest"


@dataclass(frozen=True)
class Offer:
    """What upstream has for an entry.

    Attributes:
        every: All tags of the repository; empty for a single image.
        matched: Those that the entry names, the highest version first.
        kept: Those of them that would be copied.
        budget: How many pulls upstream grants; None if it counts none.
    """

    every: tuple[str, ...]
    matched: tuple[str, ...]
    kept: tuple[str, ...]
    budget: Budget | None


def offer_of(entry: Entry, source: Name, upstream: Upstream) -> Offer:
    """Ask upstream, by a list and at most one HEAD, which no registry counts as a pull.

    Args:
        entry: The entry, of type repository or image.
        source: Its source.
        upstream: The registry that it names.

    Raises:
        UpstreamError: There is no such image or repository, or upstream does not tell.
        ValueError: A pattern is too large for what reads it.
    """
    if entry.type == "image":
        reference = source.digest or source.tag or _LATEST
        upstream.head(source.repository, reference)
        return Offer((), (reference,), (reference,), upstream.budget)
    every = upstream.tags(source.repository)
    found = matching(entry, every)
    matched = highest(found, len(found))
    kept = matched[: entry.policies.keep_last]
    if kept:
        upstream.head(source.repository, kept[0])  # lists do not tell what is granted
    return Offer(tuple(every), tuple(matched), tuple(kept), upstream.budget)
