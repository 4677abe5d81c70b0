"""Decides which tags of an entry are copied: pure, from what upstream has, what is here, and what is remembered."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from ops.catalogue.entry import Policies
from ops.registry.tree import RegistryTree
from ops.tasks.sync.model import EntryPlan, Failure, Job, MirrorEntry, Seen, Weight
from ops.tasks.sync.prune import refusal, surplus

# regsync's default: https://github.com/regclient/regclient/blob/v0.11.6/cmd/regsync/config.go
_MEDIA_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)
# A signature or the like is no image.
_SMALL = Weight(1, 0)
# Somebody who publishes 1.2.3 again has changed a release; 1.2 moves by design.
_EXACT = re.compile(r"v?\d+\.\d+\.\d+(?:[.-].*)?")


@dataclass(frozen=True)
class Known:
    """What is remembered of a tag.

    Attributes:
        digest: What it pointed to upstream when it was last looked at.
        since: When it was first seen pointing there, in seconds since 1970.
        copied: What it pointed to upstream when it was last copied; empty if it never was.
        released: The digest that somebody has released it to; empty without one.
    """

    digest: str
    since: float
    copied: str = ""
    released: str = ""


@dataclass(frozen=True)
class Here:
    """What this registry has.

    Attributes:
        tagged: Returns what a tag of a repository points to.
        weight: Returns about what a tag weighs: repository, tag.
        referrers: Returns what refers to a manifest: repository, digest.
        received: Returns how many bytes of an image have come since a time: repository, digest, Unix time.
        platforms: Returns the manifests that an index lists, if that is here: digest.
        tree: All of it.
    """

    tagged: Callable[[str, str], str | None]
    weight: Callable[[str, str], Weight | None]
    referrers: Callable[[str, str], frozenset[str]] = lambda *_: frozenset()
    received: Callable[[str, str, float], int] = lambda *_: 0
    platforms: Callable[[str], Collection[str]] = lambda _: ()
    tree: RegistryTree | None = None


def plan_of(
    entry: MirrorEntry,
    seen: Sequence[Seen],
    here: Here,
    known: Mapping[str, Known],
    now: float,
    *,
    upstream_tags: Collection[str] | None = None,
    matching: Collection[str] = (),
) -> EntryPlan:
    """Return what becomes of an entry.

    Args:
        entry: The entry, which can be read.
        seen: Its tags upstream, those that are about others after these.
        here: What is here.
        known: What is remembered, by tag.
        now: The time, in seconds since 1970.
        upstream_tags: All tags that upstream has; None if it was not asked, as for single images.
        matching: Those of them that match, also if they are not mirrored.
    """
    assert entry.entry is not None  # noqa: S101  # what cannot be read is not looked at
    policies, wanted = entry.entry.policies, entry.entry.media_types or _MEDIA_TYPES
    jobs, unchanged, moved, held, young, ignored = (
        list[Job](),
        list[str](),
        list[str](),
        dict[str, str](),
        dict[str, float](),
        list[str](),
    )
    mirrored = set[str]()  # their digests upstream
    for one in seen:
        if one.about and one.about not in mirrored:
            continue  # it comes with its image, and no sooner
        memory, digest = known.get(one.tag), here.tagged(entry.repository, one.tag)
        if one.media_type and one.media_type not in wanted:
            ignored.append(one.tag)
            continue
        if digest is not None and _is_here(entry, one, digest, memory):
            mirrored.add(one.digest)
            if job := _signed_later(entry, one, digest, here):
                jobs.append(job)
            else:
                unchanged.append(one.tag)
            continue
        if old_enough := _too_young(policies, one, memory, now):
            young[one.tag] = old_enough
            continue
        if digest is not None and _EXACT.fullmatch(one.tag):
            if policies.hold and not (memory and memory.released == one.digest):
                held[one.tag] = one.digest
                continue
            moved.append(one.tag)
        mirrored.add(one.digest)
        jobs.append(Job(entry, one, digest, _SMALL if one.about else here.weight(entry.repository, one.tag)))
    going = surplus(
        policies,
        {tag: bool(memory.copied) for tag, memory in known.items()},
        wanted={one.tag for one in seen},
        matching=matching,
        upstream=upstream_tags or (),
        is_here=lambda tag: here.tagged(entry.repository, tag) is not None,
    )
    left = [tag for tag in known if upstream_tags is not None and tag not in upstream_tags and tag not in going]
    gone = sorted(tag for tag in left if here.tagged(entry.repository, tag))
    failure = _too_large(policies, jobs)
    return EntryPlan(
        entry,
        () if failure else tuple(jobs),
        tuple(unchanged),
        tuple(moved),
        held,
        young,
        tuple(gone),
        going,
        refusal(policies, going),
        tuple(ignored),
        failure,
    )


def _too_large(policies: Policies, jobs: Sequence[Job]) -> Failure | None:
    size = sum(job.weight.size for job in jobs if job.weight)
    if policies.max_bytes is None or size <= policies.max_bytes:
        return None
    return Failure(f"would copy about {size} bytes, more than its max_bytes of {int(policies.max_bytes)}", "raise it")


def _signed_later(entry: MirrorEntry, seen: Seen, digest: str, here: Here) -> Job | None:
    """Return the copy of what refers to an image that is here, and is not here itself; None if nothing lacks."""
    lacking = seen.referrers - here.referrers(entry.repository, digest) if digest == seen.digest else frozenset()
    return Job(entry, seen, digest, Weight(1 + len(lacking), 0), lacking) if lacking else None


def _too_young(policies: Policies, seen: Seen, known: Known | None, now: float) -> float | None:
    """Return when a tag is old enough; None if it is. What is about an image is as old as that."""
    if policies.min_age is None or seen.about:
        return None
    since = known.since if known and known.digest == seen.digest else now
    old_enough = since + policies.min_age.total_seconds()
    return old_enough if old_enough > now else None


def _is_here(entry: MirrorEntry, seen: Seen, digest: str, known: Known | None) -> bool:
    if digest == seen.digest:
        return True
    # A copy of one platform has a digest of its own.
    single = entry.entry is not None and bool(entry.entry.platform)
    return single and known is not None and known.copied == seen.digest
