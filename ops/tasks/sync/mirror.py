"""A stack's mirror: its settings, the catalogue on this host, what is remembered, and how its upstreams are reached."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from functools import partial

from ops.catalogue.document import Document
from ops.catalogue.selection import chosen
from ops.config import (
    MIRROR_FOLDER,
    READ_ONLY_FILE,
    READ_ONLY_FOLDER,
    RUNS_FOLDER,
    RUNS_MOUNT,
    MirrorSettings,
    read_only_until,
)
from ops.core import exit_codes
from ops.registry.tree import RegistryTree
from ops.stack.mirror import catalogue_of, cosign_of, surroundings_of, upstream_of
from ops.stack.places import container, tree_of
from ops.stack.stack import Stack
from ops.tasks.sync.configuration import configuration
from ops.tasks.sync.copying import Copier, Limits, Running
from ops.tasks.sync.entries import mirror_entries
from ops.tasks.sync.model import CLOSED_BY_HAND, GOES_ON, Job, MirrorEntry
from ops.tasks.sync.one_upstream import PAUSES_S, OneUpstream
from ops.tasks.sync.plan import Here
from ops.tasks.sync.state import DATABASE, MirrorState
from ops.tasks.sync.tree import platforms_of, referrers_of, tagged
from ops.tasks.sync.verification import Verifier
from ops.tasks.sync.weights import Weights
from ops.upstream.client import Upstream, has_tls

REGSYNC = "regsync"
_GB = 10**9
# A sweep of the garbage collector takes less.
_MAINTENANCE_S, _LOOK_S = 60.0, 0.5


class NoMirrorError(Exception):
    """The stack mirrors nothing by a catalogue."""

    exit_code = exit_codes.INVALID


@dataclass(frozen=True)
class Mirror:
    """A stack's mirror.

    Attributes:
        stack: The stack.
        settings: Its settings.
        document: The catalogue.
        entries: All its entries.
        state: What is remembered.
        limits: When what is being copied is ended.
        pauses_s: Before what may pass is tried again.
        stop: Set to end it at once.
    """

    stack: Stack
    settings: MirrorSettings
    document: Document
    entries: Sequence[MirrorEntry]
    state: MirrorState = field(repr=False)
    limits: Limits = field(default_factory=Limits)
    pauses_s: Sequence[float] = PAUSES_S
    stop: threading.Event = field(default_factory=threading.Event, repr=False)

    def named(self, names: Iterable[str]) -> list[MirrorEntry]:
        """Return the entries that somebody means; all of them without names.

        Raises:
            CatalogueError: A name means none, or several.
        """
        indexes = [chosen(self.document, name).index for name in names]
        return [self.entries[index] for index in dict.fromkeys(indexes)] if indexes else list(self.entries)

    def upstreams(self, entries: Iterable[MirrorEntry], tell: Callable[[str], None]) -> list[OneUpstream]:
        """Return the registries that entries come from. Entries must be such that can be read."""
        by_name: dict[str, list[MirrorEntry]] = {}
        for entry in entries:
            by_name.setdefault(entry.upstream, []).append(entry)
        copier, here = self._copier(), here_of(tree_of(self.stack))
        return [self._upstream(name, found, copier, here, tell) for name, found in by_name.items()]

    def _upstream(
        self, name: str, entries: Sequence[MirrorEntry], copier: Copier, here: Here, tell: Callable[[str], None]
    ) -> OneUpstream:
        secrets, ca = self.stack.config.upstream_logins.get(name), self.stack.config.upstream_ca.get(name)

        def connect() -> Upstream:
            return upstream_of(self.stack, name)

        def configure(jobs: Sequence[Job]) -> str:
            parallel, target = self.settings.parallel, self.settings.target
            return configuration(jobs, target=target, parallel=parallel, login=secrets, tls=has_tls(name, ca), ca=ca)

        # Of the registries that people mirror from, Docker Hub alone tells how many pulls it grants.
        reserve = self.settings.hub_reserve
        taken = {one.repository for one in self.entries if one.enabled and not one.registry}
        wanted = any(entry.entry and entry.entry.policies.verify for entry in entries)
        verifier = Verifier(lambda: cosign_of(self.stack, name)) if wanted else None
        whole = {f"{one.repository}/" for one in self.entries if one.enabled and one.registry and one.repository}
        more = (reserve, self.closed, tell, self.pauses_s, taken, verifier, whole)
        return OneUpstream(name, entries, connect, here, self.state, copier, configure, *more)

    def _copier(self) -> Copier:
        name, limits = container(self.stack, REGSYNC), replace(self.limits, reserve=self.settings.reserve_gb * _GB)
        folder, tree = self.stack.root / RUNS_FOLDER, tree_of(self.stack)
        return Copier(partial(_start, name), folder, RUNS_MOUNT, tree, self.settings.target, limits, self.stop)

    def closed(self) -> str:
        """Return why nothing may be written here now; empty if it may. A task's maintenance is waited for."""
        file = self.stack.root / READ_ONLY_FOLDER / READ_ONLY_FILE
        give_up = time.monotonic() + _MAINTENANCE_S
        while (until := read_only_until(file)) > time.time():
            if until == math.inf:
                return CLOSED_BY_HAND
            if time.monotonic() > give_up or self.stop.wait(_LOOK_S):
                return f"the registry is in read-only mode for maintenance{GOES_ON}"
        return ""


def _start(name: str, config: str) -> AbstractContextManager[Running]:
    # Docker's library takes longer to import than a plan does to be made.
    from ops.stack.regsync import regsync  # noqa: PLC0415

    return regsync(name, config)


@contextlib.contextmanager
def mirror_of(stack: Stack) -> Iterator[Mirror]:
    """Yield a stack's mirror.

    Raises:
        NoMirrorError: It has none.
        CatalogueError: The catalogue is missing, or cannot be read.
        MirrorStateError: What is remembered cannot be read.
    """
    settings = stack.config.sync
    if settings is None:
        raise NoMirrorError("nothing is mirrored by a catalogue here: set sync.into, and run `up`")
    document = catalogue_of(stack)
    with closing(MirrorState(stack.root / MIRROR_FOLDER / DATABASE)) as state:
        yield Mirror(stack, settings, document, entries_of(document, settings), state)


def entries_of(document: Document, settings: MirrorSettings) -> list[MirrorEntry]:
    """Return all entries of a stack's catalogue."""
    return mirror_entries(document, surroundings_of(settings))


def here_of(tree: RegistryTree) -> Here:
    """Return what a registry has, from its tree."""
    weights = Weights(tree)
    here = (partial(tagged, tree), weights.like, partial(referrers_of, tree), weights.received, partial(platforms_of, tree))
    return Here(*here, tree)
