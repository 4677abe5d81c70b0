"""Asks upstream which tags an entry has, and what they point to: by HEAD only, which no registry counts as a pull."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ops.catalogue.names import Name
from ops.catalogue.tag_filter import highest, matching
from ops.tasks.sync.about import DIGEST_TAG, digest_tags, lists_referrers, with_referrers
from ops.tasks.sync.model import Failure, MirrorEntry, Seen
from ops.upstream.client import Upstream
from ops.upstream.errors import Cause, UpstreamError

_T = TypeVar("_T")
# As many as the client has connections.
_AT_ONCE = 6


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


_Asked = Future[_T | Failure]


def look_at(
    entries: Sequence[MirrorEntry], upstream: Upstream, platforms: Callable[[str], Collection[str]] = lambda _: ()
) -> Iterator[Look]:
    """Yield what entries have upstream, in their order. All of them are of one registry, and can be read.

    Args:
        entries: The entries.
        upstream: The registry.
        platforms: Returns the manifests that an index lists, if that is known without asking for it.
    """
    upstream.expect(dict.fromkeys(_source(entry).repository for entry in entries))
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix=f"look-{upstream.name}") as pool:

        def ask(work: Callable[[], _T]) -> _Asked[_T]:
            return pool.submit(_attempt, work)

        # All lists stand before all tags in the queue: whoever has a thousand tags holds up nobody.
        repositories = dict.fromkeys(_source(entry).repository for entry in entries if _is_listed(entry))
        lists = {name: ask(partial(upstream.tags, name)) for name in repositories}
        looks = []
        for entry in entries:
            found = _wanted(entry, lists[_source(entry).repository].result() if _is_listed(entry) else None)
            tags = () if isinstance(found, Failure) else found.tags
            looks.append((entry, found, [ask(partial(_seen, entry, one, upstream)) for one in tags]))
        about = [(*look, _ask_about(*look, upstream, ask, platforms=platforms)) for look in looks]
        for entry, found, heads, more in about:
            yield _look(entry, found, [one.result() for one in heads], [one.result() for one in more])


@dataclass(frozen=True)
class _Wanted:
    tags: tuple[tuple[str, str], ...]  # what each is called here, and upstream
    every: frozenset[str] | None = None
    matching: frozenset[str] = frozenset()


def _is_listed(entry: MirrorEntry) -> bool:
    """Whether the tags of its repository have to be known."""
    assert entry.entry is not None  # noqa: S101  # it can be read
    return entry.entry.type != "image" or entry.entry.digest_tags


def _wanted(entry: MirrorEntry, listed: list[str] | Failure | None) -> _Wanted | Failure:
    assert entry.entry is not None  # noqa: S101  # it can be read
    if entry.entry.type == "image":
        source = _source(entry)
        every = frozenset(listed) if isinstance(listed, list) else None  # some list their tags to nobody
        return _Wanted(((entry.tag or "", source.digest or source.tag or ""),), every)
    if not isinstance(listed, list):
        return listed or Failure("its tags are not known")
    policies = entry.entry.policies
    try:
        tags = every_matching = matching(entry.entry, listed)
    except ValueError as error:
        return Failure(f"its tags cannot be matched: {error}", "simplify them by `regops catalogue edit`")
    if not tags:
        return Failure(f"no tag matches, of {len(listed)} upstream", "correct its tags by `regops catalogue edit`, or remove it")
    if policies.keep_last is not None:
        tags = highest([tag for tag in tags if not DIGEST_TAG.match(tag)], policies.keep_last)
    if policies.max_tags is not None and len(tags) > policies.max_tags:
        return Failure(
            f"{len(tags)} tags match, more than its max_tags of {policies.max_tags}", "narrow its tags, or raise max_tags"
        )
    return _Wanted(tuple((tag, tag) for tag in tags), frozenset(listed), frozenset(every_matching))


def _ask_about(
    entry: MirrorEntry,
    found: _Wanted | Failure,
    heads: Sequence[_Asked[Seen]],
    upstream: Upstream,
    ask: Callable[[Callable[[], Seen | None]], _Asked[Seen | None]],
    *,
    platforms: Callable[[str], Collection[str]],
) -> list[_Asked[Seen | None]]:
    """Ask for what is about the images of an entry, once these are known."""
    assert entry.entry is not None  # noqa: S101  # it can be read
    if isinstance(found, Failure):
        return []
    seen = [one for head in heads if isinstance(one := head.result(), Seen)]
    tags = digest_tags(entry.entry, found.every, seen, platforms)
    asked = [ask(partial(_seen, entry, (tag, tag), upstream, digest)) for tag, digest in tags.items()]
    if lists_referrers(entry.entry):
        repository = _source(entry).repository
        asked += [ask(partial(with_referrers, entry.entry, repository, one, found.every, upstream)) for one in seen]
    return asked


def _look(
    entry: MirrorEntry, found: _Wanted | Failure, heads: Sequence[Seen | Failure], more: Sequence[Seen | Failure | None]
) -> Look:
    if isinstance(found, Failure):
        return Look(entry, failure=found)
    failures = [one for one in (*heads, *more) if isinstance(one, Failure)]
    # A tag that is about others stands after all that it may be about; what was learned last of a tag counts.
    seen = {one.tag: one for one in (*heads, *more) if isinstance(one, Seen)}
    assert entry.entry is not None  # noqa: S101  # it can be read
    upstream_tags = None if entry.entry.type == "image" else found.every
    return Look(entry, tuple(seen.values()), upstream_tags, found.matching, failures[0] if failures else None)


def _source(entry: MirrorEntry) -> Name:
    assert entry.source is not None  # noqa: S101  # it can be read
    return entry.source


def _seen(entry: MirrorEntry, one: tuple[str, str], upstream: Upstream, about: str = "") -> Seen:
    tag, reference = one
    head = upstream.head(_source(entry).repository, reference)
    return Seen(tag, reference, head.digest, head.media_type, about)


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
