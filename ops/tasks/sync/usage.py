"""What mirrored images are used for: how often each entry's were pulled, what they take up, and when upstream last changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ops.registry.sharing import Contents, Share
from ops.registry.tree import RegistryTree
from ops.stack.access_log import Pulls, access_log_of, pulls_of, reaches_back_to
from ops.stack.places import tree_of
from ops.tasks.sync.mirror import Mirror
from ops.tasks.sync.model import MirrorEntry
from ops.tasks.sync.plan import Known
from ops.tasks.sync.tree import tagged
from ops.tasks.sync.whole import part_of

_DAY_S = 86_400.0
STALE_S = 180 * _DAY_S


@dataclass(frozen=True)
class Usage:
    """What an entry's images are used for.

    Attributes:
        entry: Its name.
        repository: Where they are.
        tags: How many there are here.
        size: Bytes of all of them.
        frees: Bytes that nothing else uses, so that they are free once the images are gone and garbage is collected.
        pulls: How often one of its tags was pulled.
        sent: Bytes that clients fetched.
        last_pull: When that was last (Unix time); None if not since the log begins.
        last_change: When a tag was last seen to be new or to have moved upstream; None if none was ever seen.
    """

    entry: str
    repository: str
    tags: int
    size: int
    frees: int
    pulls: int
    sent: int
    last_pull: float | None
    last_change: float | None

    def is_stale(self, now: float) -> bool:
        """Whether upstream has not changed for half a year."""
        return self.last_change is not None and now - self.last_change > STALE_S


@dataclass(frozen=True)
class UsageReport:
    """The usage of all entries.

    Attributes:
        since: How far back pulls are known (Unix time); None if no access log is kept.
        entries: The usage of each, those that were never pulled first, the largest of them first.
    """

    since: float | None
    entries: tuple[Usage, ...]

    @property
    def never_pulled(self) -> tuple[Usage, ...]:
        """Those that are here and were not pulled."""
        return tuple(one for one in self.entries if one.tags and not one.pulls)

    def document(self) -> dict[str, Any]:
        """Return it for programs."""
        return {"since": self.since, "entries": [asdict(one) for one in self.entries]}


def usage_of(mirror: Mirror) -> UsageReport:
    """Return what mirrored images are used for.

    Raises:
        OSError: The access log, or the tree, cannot be read.
        MirrorStateError: What is remembered cannot be read.
    """
    log, tree = access_log_of(mirror.stack), tree_of(mirror.stack)
    entries = [part for entry in mirror.entries for part in _in_parts(mirror, entry)]
    return report_of(entries, tree, pulls_of(log), mirror.state.known, reaches_back_to(log))


def _in_parts(mirror: Mirror, entry: MirrorEntry) -> list[MirrorEntry]:
    """Return an entry; of a whole registry those of its repositories that are here."""
    if not entry.registry:
        return [entry]
    folder = f"{entry.repository}/" if entry.repository else ""
    return [part_of(entry, name.removeprefix(folder)) for name in mirror.state.parts(entry)]


def report_of(
    entries: Sequence[MirrorEntry],
    tree: RegistryTree,
    pulls: Mapping[str, Pulls],
    known: Callable[[MirrorEntry], Mapping[str, Known]],
    since: float | None,
) -> UsageReport:
    """Return the usage of entries.

    Args:
        entries: The entries.
        tree: What is here.
        pulls: What was pulled, by repository.
        known: Returns what is remembered of an entry's tags.
        since: How far back `pulls` goes.
    """
    shares = Contents(tree).sharing().repositories
    usages = []
    for entry in (one for one in entries if one.failure is None):
        share, memory = shares.get(entry.repository, Share()), known(entry)
        tags = [tag for tag in _tags(tree, entry.repository) if entry.tag in (None, tag)]
        pulled = pulls.get(entry.repository, Pulls())
        names = {*tags, *(digest for tag in tags if (digest := tagged(tree, entry.repository, tag)))}
        usages.append(
            Usage(
                entry.label,
                entry.repository,
                len(tags),
                share.size,
                share.own,
                sum(count for reference, count in pulled.references.items() if reference in names),
                pulled.size,
                pulled.last or None,
                max((one.since for one in memory.values()), default=None),
            )
        )
    return UsageReport(since, tuple(sorted(usages, key=lambda one: (one.pulls, -one.frees, one.entry))))


def _tags(tree: RegistryTree, repository: str) -> list[str]:
    try:
        return tree.tag_names(repository)
    except OSError:
        return []
