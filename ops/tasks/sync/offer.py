"""What upstream has for an entry that somebody is about to write: how many tags, which of them match, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ops.catalogue.entry import Entry
from ops.catalogue.names import Name
from ops.catalogue.tag_filter import highest, matching
from ops.registry.tree import RegistryTree
from ops.tasks.sync.eta import Eta, Speed, eta_of
from ops.tasks.sync.exact import Reading
from ops.tasks.sync.model import Weight
from ops.tasks.sync.tree import tagged
from ops.upstream.budget import Budget
from ops.upstream.client import Upstream

_LATEST = "latest"
# How many images are read to know what all of them weigh.
_SAMPLE = 8
# Where each is a pull, no more manifests than that are read: an index, and the image of one platform.
FRUGAL = 2


@dataclass(frozen=True)
class Offer:
    """What upstream has for an entry.

    Attributes:
        every: All tags of the repository; empty for a single image.
        matched: Those that the entry names, the highest version first.
        kept: Those of them that would be copied.
        missing: Those of these that are not here as they are upstream.
        weight: What copying them fetches; None if it was not read.
        budget: How many pulls upstream grants; None if it counts none.
        read: How many manifests were fetched to know it.
    """

    every: tuple[str, ...]
    matched: tuple[str, ...]
    kept: tuple[str, ...]
    missing: tuple[str, ...] = ()
    weight: Weight | None = None
    budget: Budget | None = None
    read: int = 0

    def eta(self, reserve: int, speed: Speed | None) -> Eta | None:
        """Return how long the first fill takes; None if that is not known yet.

        Args:
            reserve: How many pulls are left for people.
            speed: How fast copies were before.
        """
        return eta_of(self.weight.size, self.weight.manifests, self.budget, reserve, speed) if self.weight else None


def offer_of(
    entry: Entry, source: Name, target: Name | None, upstream: Upstream, tree: RegistryTree | None = None, *, reserve: int = 0
) -> Offer:
    """Ask upstream: by a list and HEADs, which are no pulls, and by reading some manifests, which are.

    Args:
        entry: The entry, of type repository or image.
        source: Its source.
        target: Where it is copied to; None if a template hides it.
        upstream: The registry that it is copied from.
        tree: What is here; None if that is not known.
        reserve: How many pulls are left for people.

    Raises:
        UpstreamError: There is no such image or repository, or upstream does not tell.
        ValueError: A pattern is too large for what reads it.
    """
    if entry.type == "image":
        reference = source.digest or source.tag or _LATEST
        every, matched, kept = list[str](), [reference], [reference]
    else:
        every = upstream.tags(source.repository)
        found = matching(entry, every)
        matched = highest(found, len(found))
        kept = matched[: entry.policies.keep_last]
    sample = {tag: upstream.head(source.repository, tag).digest for tag in kept[:_SAMPLE]}
    here, renamed = (target.repository, target.tag) if target else ("", None)
    tree = tree if target else None
    there = {tag: tagged(tree, here, renamed or tag) if tree else None for tag in sample}
    missing = [tag for tag in kept if tag not in sample or there[tag] != sample[tag]]
    budget = upstream.budget
    allowance = None if budget is None else max(0, min(FRUGAL, budget.remaining - reserve))
    reading = Reading(upstream, tree, allowance)
    digests = [sample[tag] for tag in missing if tag in sample]
    weight = _all_of(digests, len(missing), source.repository, here, reading, frugal=budget is not None)
    return Offer(tuple(every), tuple(matched), tuple(kept), tuple(missing), weight, upstream.budget, reading.spent)


def _all_of(digests: Sequence[str], count: int, repository: str, here: str, reading: Reading, *, frugal: bool) -> Weight | None:
    """Return what so many images weigh of which some are known; None if too little may be read."""
    if not count:
        return Weight(0, 0, exact=True)
    if frugal:
        one = _likely(digests[0], repository, reading) if digests else None
        return Weight(one.manifests * count, one.size * count) if one else None
    weights = [weight for digest in digests if (weight := reading.weight(repository, here, digest))]
    if not weights:
        return None
    manifests, size = sum(one.manifests for one in weights), sum(one.size for one in weights)
    if len(weights) == count:
        return Weight(manifests, size, exact=True)
    return Weight(manifests * count // len(weights), size * count // len(weights))


def _likely(digest: str, repository: str, reading: Reading) -> Weight | None:
    """Return about what an image weighs: all its platforms are taken to be as large as the first."""
    parts = reading.parts(repository, digest)
    if parts is None:
        return None
    manifests, images = [one for one in parts if one.is_manifest], [one for one in parts if one.is_image]
    if not images:
        return Weight(1 + len(manifests), sum(one.size for one in parts), exact=not manifests)
    blobs = reading.parts(repository, images[0].digest)
    return None if blobs is None else Weight(1 + len(manifests), len(images) * sum(one.size for one in blobs))
