"""What is about the images of an entry, and often comes after them: signatures, SBOMs and attestations."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from ops.catalogue.entry import Entry, ReferrerFilter
from ops.tasks.sync.model import Seen
from ops.upstream.client import Upstream
from ops.upstream.errors import Cause, UpstreamError
from ops.upstream.referrers import Referrer, referrers_in

# What is named after a digest. It is no version, whatever numbers are in it.
DIGEST_TAG = re.compile(r"sha(?:256|512)-[0-9a-f]{64}")


def digest_tags(
    entry: Entry, every: Collection[str] | None, seen: Sequence[Seen], platforms: Callable[[str], Collection[str]] = lambda _: ()
) -> Mapping[str, str]:
    """Return the tags upstream that are about what an entry mirrors, or about a platform of it, each with the image's digest.

    https://github.com/sigstore/cosign/blob/v2.4.1/specs/SIGNATURE_SPEC.md, and the tag in which referrers are kept where there
    is no list of them.

    Args:
        entry: The entry.
        every: All tags of its repository; None if they are not known.
        seen: What it mirrors.
        platforms: Returns the manifests that an index lists, if it is here: what is about those of one that is not comes along.
    """
    if not entry.digest_tags or every is None:
        return {}
    about, there = {_tag_of(one.digest): one.digest for one in seen}, {one.tag for one in seen}
    named = {tag: tag.partition(".")[0] for tag in sorted(every) if tag not in there and DIGEST_TAG.match(tag)}
    if not about.keys() >= set(named.values()):  # else nothing has to be read
        for one in seen:
            about = {_tag_of(digest): one.digest for digest in platforms(one.digest)} | about
    return {tag: about[first] for tag, first in named.items() if first in about}


def lists_referrers(entry: Entry) -> bool:
    """Whether the OCI's lists are asked: what is elsewhere, or about one platform, is copied along with the image only."""
    return entry.referrers and not (entry.referrer_source or entry.referrer_target or entry.platform)


def with_referrers(entry: Entry, repository: str, one: Seen, every: Collection[str] | None, upstream: Upstream) -> Seen | None:
    """Return a tag with what refers to it upstream; the tag that says so, of a registry without such lists; None without any.

    Args:
        entry: The entry.
        repository: Its repository there.
        one: The tag.
        every: All tags there; None if they are not known.
        upstream: The registry.

    Raises:
        UpstreamError: It does not tell.
    """
    listed, tag = upstream.referrers(repository, one.digest), _tag_of(one.digest)
    if listed is None:
        if every is not None and tag not in every:
            return None
        try:
            head = upstream.head(repository, tag)
            if not entry.referrer_filters:
                return Seen(tag, tag, head.digest, head.media_type, one.digest)
            listed = referrers_in(upstream.manifest(repository, head.digest).content)
        except UpstreamError as error:
            if error.cause is Cause.MISSING:
                return None
            raise
        except ValueError:
            return None
    return replace(one, referrers=frozenset(found.digest for found in listed if _is_wanted(found, entry.referrer_filters)))


def _is_wanted(referrer: Referrer, filters: Sequence[ReferrerFilter]) -> bool:
    """As regsync does: https://github.com/regclient/regclient/blob/v0.11.6/types/descriptor/descriptor.go."""
    there = referrer.annotations
    return not filters or any(
        one.artifact_type in {"", referrer.artifact_type}
        and all(key in there and value in {"", there[key]} for key, value in one.annotations.items())
        for one in filters
    )


def _tag_of(digest: str) -> str:
    return digest.replace(":", "-", 1)
