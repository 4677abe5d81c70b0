"""Asks upstream which tags an entry has, and what they point to: by HEAD only, which no registry counts as a pull."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ops.catalogue.tag_filter import highest, matching
from ops.tasks.sync.model import Failure, MirrorEntry, Seen
from ops.upstream.client import Upstream
from ops.upstream.errors import Cause, UpstreamError

_T = TypeVar("_T")
# As many as the client has connections.
_AT_ONCE = 6
# They are no versions, whatever numbers are in them.
_DIGEST_TAG = re.compile(r"sha(?:256|512)-[0-9a-f]{64}")


@dataclass(frozen=True)
class Look:
    """What an entry has upstream.

    Attributes:
        entry: The entry.
        seen: The tags to mirror.
        upstream_tags: All tags of the repository; None for a single image.
        matching: Those of them that match, also if they are not mirrored.
        failure: Why it could not be looked at.
    """

    entry: MirrorEntry
    seen: tuple[Seen, ...] = ()
    upstream_tags: frozenset[str] | None = None
    matching: frozenset[str] = frozenset()
    failure: Failure | None = None


def look_at(entries: Sequence[MirrorEntry], upstream: Upstream) -> Iterator[Look]:
    """Yield what entries have upstream, in their order. All of them are of one registry, and can be read."""
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix=f"look-{upstream.name}") as pool:
        # All lists first, then all tags: whoever has a thousand tags holds up nobody.
        lists = [pool.submit(_attempt, partial(_wanted, entry, upstream)) for entry in entries]
        wanted = [one.result() for one in lists]
        heads = [
            []
            if isinstance(found, Failure)
            else [pool.submit(_attempt, partial(_seen, entry, one, upstream)) for one in found.tags]
            for entry, found in zip(entries, wanted, strict=True)
        ]
        results = [[one.result() for one in asked] for asked in heads]
        signed = [
            [pool.submit(_attempt, partial(_seen, entry, (tag, tag), upstream)) for tag in _digest_tags(entry, found, seen)]
            for entry, found, seen in zip(entries, wanted, results, strict=True)
        ]
        for entry, found, first, asked in zip(entries, wanted, results, signed, strict=True):
            if isinstance(found, Failure):
                yield Look(entry, failure=found)
                continue
            every = [*first, *(one.result() for one in asked)]
            failures = [one for one in every if isinstance(one, Failure)]
            seen = tuple(one for one in every if isinstance(one, Seen))
            yield Look(entry, seen, found.upstream_tags, found.matching, failures[0] if failures else None)


@dataclass(frozen=True)
class _Wanted:
    tags: tuple[tuple[str, str], ...]  # what each is called here, and upstream
    upstream_tags: frozenset[str] | None = None
    matching: frozenset[str] = frozenset()


def _wanted(entry: MirrorEntry, upstream: Upstream) -> _Wanted | Failure:
    assert entry.entry is not None  # noqa: S101  # it can be read
    assert entry.source is not None  # noqa: S101
    if entry.entry.type == "image":
        tag = entry.tag or ""
        return _Wanted(((tag, entry.source.digest or entry.source.tag or ""),))
    every = upstream.tags(entry.source.repository)
    policies = entry.entry.policies
    try:
        tags = every_matching = matching(entry.entry, every)
    except ValueError as error:
        return Failure(f"its tags cannot be matched: {error}", "simplify them by `regops catalogue edit`")
    if not tags:
        return Failure(f"no tag matches, of {len(every)} upstream", "correct its tags by `regops catalogue edit`, or remove it")
    if policies.keep_last is not None:
        tags = highest([tag for tag in tags if not _DIGEST_TAG.match(tag)], policies.keep_last)
    if policies.max_tags is not None and len(tags) > policies.max_tags:
        return Failure(
            f"{len(tags)} tags match, more than its max_tags of {policies.max_tags}", "narrow its tags, or raise max_tags"
        )
    return _Wanted(tuple((tag, tag) for tag in tags), frozenset(every), frozenset(every_matching))


def _digest_tags(entry: MirrorEntry, found: _Wanted | Failure, seen: Sequence[Seen | Failure]) -> list[str]:
    """Return the tags upstream that are about what an entry mirrors: signatures and the like, which often come after the image.

    https://github.com/sigstore/cosign/blob/v2.4.1/specs/SIGNATURE_SPEC.md, and the fallback of the OCI's referrers.
    """
    if isinstance(found, Failure) or found.upstream_tags is None or not (entry.entry and entry.entry.digest_tags):
        return []
    about = {one.digest.replace(":", "-", 1) for one in seen if isinstance(one, Seen)}
    there = {one.tag for one in seen if isinstance(one, Seen)}
    return sorted(tag for tag in found.upstream_tags - there if tag.partition(".")[0] in about)


def _seen(entry: MirrorEntry, one: tuple[str, str], upstream: Upstream) -> Seen:
    assert entry.source is not None  # noqa: S101  # it can be read
    tag, reference = one
    head = upstream.head(entry.source.repository, reference)
    return Seen(tag, reference, head.digest, head.media_type)


def _attempt(work: Callable[[], _T]) -> _T | Failure:
    try:
        return work()
    except UpstreamError as error:
        return failure_of(error)


def failure_of(error: UpstreamError) -> Failure:
    """Return what an upstream's refusal means for an entry."""
    remedies = {
        Cause.MISSING: "correct its source by `regops catalogue edit`, or remove it",
        Cause.REFUSED: "set a login for this registry, or correct it, then run `up`",
    }
    limited = error.cause is Cause.LIMITED
    return Failure(str(error), remedies.get(error.cause, ""), passes=error.passes, waits=limited)
