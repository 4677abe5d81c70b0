"""Completes a recovery when services run: asks for every tag, and brings every blob that is still served from the backup."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

from ops.backups.errors import BackupError
from ops.backups.recovery import Recovery, note_recovery, recovery_of
from ops.backups.repository import repository_of
from ops.backups.stage import PULLS, pulled_last
from ops.backups.told import Backup
from ops.config import ConfigError
from ops.core import exit_codes
from ops.registry.client import ANY_MANIFEST, RegistryClient, digest_of
from ops.registry.index import Index, linked_blobs
from ops.registry.manifests import fetched
from ops.registry.transport import PooledEndpoint
from ops.registry.tree import RegistryTree
from ops.stack.places import tree_of
from ops.stack.registry import operator_login, restart_registry
from ops.stack.stack import Stack
from ops.tasks.restore.fetch import fetched_blobs
from ops.tasks.restore.model import Recovered, told
from ops.tasks.restore.placeholders import Placeholders, mount_of

# A gateway or an edge that has just started.
_PATIENCE_S = 60
# How often a connection to the backups that was lost is made anew before the next `up` has to.
_TRIES = 5

Tell = Callable[[str], None]


def unserved(stack: Stack, index: Index) -> list[str]:
    """Return the tags of the backup that the registry does not serve, unless they were pushed again since."""
    config, tree, problems = stack.config, tree_of(stack), list[str]()
    with closing(PooledEndpoint(config.url, config.ca, config.resolve)) as endpoint:
        client = RegistryClient(endpoint, operator_login(stack), until=time.monotonic() + _PATIENCE_S)
        for repository, had in index.items():
            for tag, digest in had.tags.items():
                answer = client.manifest(repository, tag, ANY_MANIFEST)
                if answer.status == HTTPStatus.OK and digest in {
                    digest_of(answer.body),
                    answer.headers.get("Docker-Content-Digest"),
                }:
                    continue
                # Looked at afterwards: the doctor of the same `up`, and anybody else, may push it again before it is asked for.
                if tree.tagged(repository, tag) in {digest, None}:
                    problems.append(f"{repository}:{tag} is not served as {digest} (status {answer.status})")
    return problems


def complete(stack: Stack, tell: Tell, ask: Callable[[Stack, Index], list[str]] = unserved) -> Recovered:
    """Ask the registry for every tag of the backup, bring what is not on the disk yet, and say how long it took.

    Args:
        stack: The stack.
        tell: Called with progress.
        ask: Returns which tags are not served as they should be.

    Raises:
        ConfigError: There was no recovery.
        BackupError: The backup cannot be read. Run it again: it goes on.
        RegistryError: The registry does not answer.
        NoSpaceError: The disk is full.
    """
    recovery = recovery_of(stack)
    if recovery is None:
        raise ConfigError(["no recovery has begun; run `up` with `recover` in this stack's settings"])
    if not recovery.backup:
        return Recovered(recovery, "nothing was recovered")
    if recovery.served and recovery.is_done:  # it has failed for that once; what is lost stays lost, and `up` goes on
        return Recovered(recovery, told(recovery))
    backups = repository_of(stack)
    backup = next((one for one in backups.all() if one.id == recovery.backup), None)
    if backup is None and not recovery.is_done:
        raise BackupError(
            f"backup {recovery.backup[:8]} is not in {backups.restic.shown}, and blobs are still missing here; make it available "
            "and run `up` again, or remove `recover` from the settings, run `up`, and then `regops restore`"
        )
    if backup is None:
        gone = f"backup {recovery.backup[:8]} is gone, so that nobody knows which tags it had"
        return _asked(stack, recovery, [gone])
    index = backups.index(backup)
    if not recovery.is_done and not _keep_serving(stack, backup, tell):
        recovery = _brought(stack, recovery, backup, index, tell)
    done = _asked(stack, recovery, [] if recovery.served else ask(stack, index))
    if done.recovery.is_done:
        return done
    return _ended(_brought(stack, done.recovery, backup, index, tell))


def _asked(stack: Stack, recovery: Recovery, problems: Sequence[str]) -> Recovered:
    """Note that every tag was asked for, and what is wrong with them."""
    recovery = replace(recovery, served=recovery.served or time.time(), problems=(*recovery.problems, *problems))
    note_recovery(stack, recovery)
    return _ended(recovery)


def _ended(recovery: Recovery) -> Recovered:
    return Recovered(recovery, told(recovery), exit_codes.MISMATCH if recovery.problems else exit_codes.OK)


def _brought(stack: Stack, recovery: Recovery, backup: Backup, index: Index, tell: Tell) -> Recovery:
    """Bring every blob, and note it."""
    damaged = _bring_blobs(stack, backup, index, tell)
    os.sync()  # before anybody relies on it
    mount_of(stack).stop()
    recovery = replace(recovery, restored=time.time(), problems=(*recovery.problems, *damaged))
    note_recovery(stack, recovery)
    return recovery


def _keep_serving(stack: Stack, backup: Backup, tell: Tell) -> bool:
    """Mount the backups again if nobody answers there any more; return whether the registry can serve from it.

    The registry's container sees a new mount when it starts.
    """
    mount = mount_of(stack)
    if mount.shows(backup):
        return True
    try:
        mount.start(backup)
    except BackupError as error:
        tell(f"what is not on the disk yet cannot be pulled for now: {error}")
        return False
    restart_registry(stack)
    return True


def _bring_blobs(stack: Stack, backup: Backup, index: Index, tell: Tell) -> list[str]:
    """Put every blob on the disk; return what is wrong with those that cannot be."""
    mount, tree = mount_of(stack), tree_of(stack)
    placeholders = Placeholders(tree, mount.content(backup))
    blobs = linked_blobs(index.values())
    for _ in range(_TRIES):
        left = placeholders.left(blobs)
        if not left or not mount.shows(backup):
            break
        unread = placeholders.fill(_in_order(tree, placeholders.content, left), len(left), tell)
        if mount.shows(backup):
            left = unread
            break
        _keep_serving(stack, backup, tell)
    if left := placeholders.left(left):
        tell(f"fetching {len(left)} blobs …")
        with fetched_blobs(mount.backups, backup, left, len(blobs)) as files:
            for digest, file in files:
                if file:
                    placeholders.fill_from(file, digest)
    left = placeholders.left(left)
    placeholders.remove(left)
    return [f"{digest} is damaged in the backup" for digest in left]


def _in_order(tree: RegistryTree, content: Path, blobs: Sequence[str]) -> Iterator[str]:
    """Yield blobs, first those that are likely to be asked for first: of the images that were pulled last before the backup."""
    ordered, wanted = dict[str, None](), set(blobs)
    for digest in pulled_last(content / PULLS):
        with contextlib.suppress(OSError):
            ordered |= dict.fromkeys(sorted(fetched(tree, digest).digests & wanted))
    yield from (ordered | dict.fromkeys(blobs))
