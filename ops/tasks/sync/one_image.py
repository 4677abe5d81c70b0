"""Copies one image, now, whatever the catalogue says: over the machinery of `sync`, with nothing remembered of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ops.catalogue.checks import check
from ops.catalogue.document import Document
from ops.catalogue.edits import with_entries
from ops.catalogue.errors import CatalogueError
from ops.catalogue.model import Surroundings
from ops.catalogue.names import Name, name_of
from ops.catalogue.wishes import Wishes, new_entry
from ops.config import HUB, MirrorSettings
from ops.core import exit_codes
from ops.stack.places import tree_of
from ops.stack.stack import Stack
from ops.tasks.sync.entries import mirror_entries
from ops.tasks.sync.mirror import Mirror, NoMirrorError
from ops.tasks.sync.model import GOES_ON, EntryPlan, EntryState, MirrorEntry, Seen, Weight
from ops.tasks.sync.one_upstream import OneUpstream
from ops.tasks.sync.plan import plan_of
from ops.tasks.sync.run import sync
from ops.tasks.sync.state import MirrorState
from ops.tasks.sync.weights import Weights
from ops.upstream.budget import Budget
from ops.upstream.errors import Cause, UpstreamError

MIRROR = "mirror"
_LATEST = "latest"
# SQLite's name for a database that is nowhere.
_NOWHERE = Path(":memory:")
_REMEDIES = {
    Cause.MISSING: "check its name and its tag",
    Cause.REFUSED: "check its name; if it is private, set a login for this registry, or correct it, and run `up`",
    Cause.LIMITED: "try again later",
    Cause.AWAY: "try again later",
}
_CODES = {Cause.LIMITED: exit_codes.BUSY, Cause.AWAY: exit_codes.UNREACHABLE}


class OneImageError(Exception):
    """An image cannot be copied; the message says why, and what helps."""

    def __init__(self, message: str, exit_code: int = exit_codes.FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Wanted:
    """An image that somebody wants here.

    Attributes:
        values: The entry of a catalogue that would name it.
        document: A catalogue of that entry alone.
        around: What it was checked against.
    """

    values: Mapping[str, Any]
    document: Document
    around: Surroundings

    @property
    def entry(self) -> MirrorEntry:
        """It, as it is mirrored."""
        return mirror_entries(self.document, self.around)[0]

    @property
    def pull(self) -> str:
        """What to pull it by."""
        return str(self.values["target"])


@dataclass(frozen=True)
class Found:
    """What upstream has.

    Attributes:
        plan: What would be done.
        digest: What the image is upstream.
        budget: How many pulls upstream grants; None if it counts none.
    """

    plan: EntryPlan
    digest: str
    budget: Budget | None


@dataclass(frozen=True)
class Copied:
    """What was done.

    Attributes:
        digest: What the image is, upstream and here.
        changed: Whether anything had to be copied.
        weight: What it weighs.
        seconds: How long the copy took.
        verified: Whether it was asked for as a client does, and was the same.
        pulls_left: How many pulls upstream grants yet; None if it counts none.
    """

    digest: str
    changed: bool
    weight: Weight | None
    seconds: float
    verified: bool
    pulls_left: int | None


def wanted(stack: Stack, source: str, target: str | None) -> Wanted:
    """Return what somebody means.

    Args:
        stack: Where it shall go.
        source: An image, as Docker reads names: without a tag, it is `latest`.
        target: REPOSITORY:TAG here; None for the same path and tag as upstream.

    Raises:
        NoMirrorError: The stack has no place for it.
        CatalogueError: The source or the target is none.
        OneImageError: The target is not within `sync.into`.
    """
    settings = _settings(stack)
    names = settings.registries or (urlsplit(stack.config.url).netloc,)
    name = _image(source, target)
    values = new_entry(Document(""), str(name), Wishes(target=target), names)
    document, around = with_entries(Document(""), [values]), Surroundings(frozenset(names), settings.into)
    severe = [problem for problem in check(document, around) if problem.severe]
    if severe:
        example = f"{_place(settings.into[0])}/{name.repository.rpartition('/')[2]}:{name.tag or 'TAG'}"
        raise OneImageError(
            f"{severe[0].what} ({', '.join(settings.into)}); say where it shall go: --as {example}", exit_codes.INVALID
        )
    return Wanted(values, document, around)


@contextlib.contextmanager
def mirror_for(stack: Stack, image: Wanted) -> Iterator[Mirror]:
    """Yield a mirror of one image. It remembers nothing, and leaves no pulls for people: a person asks.

    Raises:
        NoMirrorError: The stack has no mirror.
    """
    settings = _settings(stack).model_copy(update={"hub_reserve": 0})
    with closing(MirrorState(_NOWHERE)) as state:
        yield Mirror(stack, settings, image.document, [image.entry], state)


def find(mirror: Mirror) -> Found:
    """Return what upstream has of a mirror's only image. It costs no pull.

    Raises:
        OneImageError: There is no such image, upstream does not give it, or it is of a kind that is not copied.
        ConfigError: A login cannot be read.
    """
    (entry,) = mirror.entries
    (upstream,) = mirror.upstreams([entry], lambda _: None)
    try:
        seen, budget = _look(upstream, entry)
    except UpstreamError as error:
        remedy = _REMEDIES.get(error.cause, "")
        raise OneImageError(f"{error}; {remedy}" if remedy else str(error), _CODES.get(error.cause, exit_codes.FAILED)) from None
    plan = plan_of(entry, [seen], upstream.here, {}, time.time())
    if plan.ignored:
        raise OneImageError(f"{entry.name} is no image that can be copied: it is of the kind {seen.media_type}")
    return Found(plan, seen.digest, budget)


def copy(mirror: Mirror, found: Found) -> Copied:
    """Copy a mirror's only image, and compare its digest as a client gets it. The caller holds `MIRROR_LOCK`.

    Raises:
        OneImageError: It was not copied.
        RegsyncError: regsync cannot be run.
        OSError: The disk is full.
    """
    (entry,) = mirror.entries
    report = sync(mirror, mirror.entries, force=True)
    (result,) = report.results
    if result.state is EntryState.WAITING:
        raise OneImageError(f"nothing was copied: {_now(result.waits, entry)}", exit_codes.BUSY)
    if result.state is EntryState.SKIPPED:
        raise OneImageError(f"nothing was copied: {result.waits}", exit_codes.NO_SPACE)
    if result.failures:
        raise OneImageError(f"{entry.name} was not copied: {next(iter(result.failures.values()))}")
    tree, changed = tree_of(mirror.stack), result.state is EntryState.CHANGED
    digest = tree.tagged(entry.repository, entry.tag or "") or found.digest
    left = report.pulls.get(entry.upstream)
    return Copied(digest, changed, Weights(tree).of(digest), result.seconds, bool(report.verified), left)


def _look(upstream: OneUpstream, entry: MirrorEntry) -> tuple[Seen, Budget | None]:
    """Return what upstream has, and how many pulls it grants."""
    source, client = entry.source, upstream.connect()
    assert source is not None  # noqa: S101  # it was checked
    reference = source.digest or source.tag or _LATEST
    head = client.head(source.repository, reference)
    return Seen(entry.tag or "", reference, head.digest, head.media_type), client.budget


def _settings(stack: Stack) -> MirrorSettings:
    if stack.config.sync is None:
        raise NoMirrorError("there is no place for mirrored images here: set sync.into, and run `up`")
    return stack.config.sync


def _image(source: str, target: str | None) -> Name:
    try:
        name = name_of(source)
        here = name_of(target) if target else None
    except ValueError as error:
        raise CatalogueError(str(error)) from None
    if here and here.digest:
        raise CatalogueError(f"--as {target} has a digest, which is the image's own; give it a tag: --as REPOSITORY:TAG")
    if name.digest and not name.tag and not (here and here.tag):
        raise CatalogueError(
            f"{source} has a digest and no tag, by which nobody would find it here; give it one: --as REPOSITORY:TAG"
        )
    return name if name.is_image else replace(name, tag=_LATEST)


def _place(pattern: str) -> str:
    """Return a folder that a pattern covers, for an example."""
    return pattern.removesuffix("**").rstrip("/") or MIRROR


def _now(waits: str, entry: MirrorEntry) -> str:
    """Return why nothing is copied now, for somebody who waits: nothing goes on by itself here."""
    login = "; an account there grants more" if entry.upstream == HUB and "pulls" in waits else ""
    return f"{waits.removesuffix(GOES_ON)}{login}; try again later"
