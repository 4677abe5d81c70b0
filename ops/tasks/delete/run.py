"""Deletes one tag of a stack's registry: what that would mean, and doing it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ops.config import REPOSITORY_NAME, TAG_NAME
from ops.core import exit_codes
from ops.registry.expected import unexpected
from ops.registry.listing import Links, links_of, listing_of
from ops.registry.snapshots.recovery import heal, roll_back
from ops.runs.task import Outcome
from ops.stack.deletion import TagLink, delete_tags
from ops.stack.places import tree_of
from ops.stack.registry import live_registry, operator_login
from ops.stack.stack import Stack

TASK = "delete"
NO_IMAGE = "no image that can be pulled"
_REFERENCE = re.compile(rf"(?P<repository>{REPOSITORY_NAME}):(?P<tag>{TAG_NAME})")


class DeleteError(Exception):
    """This tag is not deleted; the message says why."""

    exit_code = exit_codes.FAILED


@dataclass(frozen=True)
class DeletePlan:
    """What deleting a tag means.

    Attributes:
        repository: Its repository.
        tag: The tag.
        digest: What it points to; empty if that is not known, since its link is damaged or only its folder is left.
        others: The repository's other tags that point to the same: the image stays.
    """

    repository: str
    tag: str
    digest: str
    others: tuple[str, ...]

    def __str__(self) -> str:
        """Name it as an operator does."""
        return f"{self.repository}:{self.tag}"


@dataclass(frozen=True)
class Deleted:
    """A tag that was deleted.

    Attributes:
        plan: What was planned.
        snapshot: What brings it back.
        gone: Whether it is gone. If it was pushed again in the meantime, it stays.
    """

    plan: DeletePlan
    snapshot: str
    gone: bool

    @property
    def outcome(self) -> Outcome:
        """How the task ended."""
        if self.gone:
            return Outcome(exit_codes.OK, f"deleted {self.plan}, which was {self.plan.digest or NO_IMAGE}")
        return Outcome(exit_codes.FAILED, f"{self.plan} was pushed in the meantime and stays")


def preview(stack: Stack, reference: str, expect: str = "") -> DeletePlan:
    """Return what deleting a tag means. Nothing changes.

    Args:
        stack: Whose.
        reference: The tag, as REPOSITORY:TAG.
        expect: What it should point to; empty if it may be anything.

    Raises:
        DeleteError: There is no such tag, or it is not what it is expected to be.
        TreeError: Something is expected, and its link is damaged.
    """
    repository, tag = _parts(reference)
    tree = tree_of(stack)
    if why := unexpected(tree, repository, tag, expect):
        raise DeleteError(why)
    return _plan(repository, tag, links_of(tree, repository))


def delete(stack: Stack, reference: str, expect: str = "") -> Deleted:
    """Delete a tag, after a snapshot.

    Args:
        stack: Whose.
        reference: The tag, as REPOSITORY:TAG.
        expect: What it should point to; empty if it may be anything.

    Raises:
        DeleteError: There is no such tag, or it is not what it is expected to be.
        RegistryError: The registry refuses, or does not answer.
        SnapshotError: There is no room for a snapshot.
        ReadOnlyModeError: A killed collection has to be rolled back first, and read-only mode cannot be turned on.
        LockedError: Another task is using the snapshots.
        TreeError: Something is expected, and the tag's link is damaged.
    """
    repository, tag = _parts(reference)
    with live_registry(stack) as live, live.store.locked(TASK):
        roll_back(live, TASK)
        if why := unexpected(live.tree, repository, tag, expect):
            raise DeleteError(why)
        listing = listing_of(live.tree)
        heal(live.store, listing)
        links = listing.repositories.get(repository, Links())
        plan = _plan(repository, tag, links)
        if expect and plan.digest != expect:
            raise DeleteError(unexpected(live.tree, repository, tag, expect) or f"{plan} is being pushed; try again")
        link = TagLink(repository, tag, plan.digest, links.tags.get(tag))
        done = delete_tags(stack, live, listing, [link], TASK, login=operator_login(stack))
    return Deleted(plan, done.snapshot, gone=bool(done.deleted))


def _parts(reference: str) -> tuple[str, str]:
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise DeleteError(f"{reference!r} is not REPOSITORY:TAG")
    return found["repository"], found["tag"]


def _plan(repository: str, tag: str, links: Links) -> DeletePlan:
    digest = links.pointed.get(tag, "")
    if not digest and tag not in links.tags.keys() | links.leftovers.keys():
        raise DeleteError(f"there is no {repository}:{tag}; `regops changes history {repository}:{tag}` says what became of it")
    others = sorted(name for name, other in links.pointed.items() if other == digest and name != tag)
    return DeletePlan(repository, tag, digest, tuple(others))
