"""What copying an image fetches, to the byte: its manifests are read upstream, and compared with what its repository here has."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from ops.registry.references import listed_in, members_of, size_in
from ops.registry.tree import DIGEST, RegistryTree, TreeError
from ops.tasks.sync.model import EntryPlan, Job, Weight
from ops.upstream.client import Upstream
from ops.upstream.errors import UpstreamError
from ops.upstream.line import CONNECTIONS


@dataclass(frozen=True)
class Part:
    """A manifest or blob that a manifest lists.

    Attributes:
        digest: Its digest.
        size: Its bytes, as the list says.
        is_manifest: Whether it is a manifest of its own.
        is_image: Whether it is an image for some platform, and no attestation.
    """

    digest: str
    size: int
    is_manifest: bool
    is_image: bool = False


class Reading:
    """Reads the manifests of one upstream registry, each once. Several threads may use it.

    Attributes:
        spent: How many manifests were fetched: where pulls are counted, each is one.
    """

    def __init__(self, upstream: Upstream, tree: RegistryTree | None, allowance: int | None) -> None:
        """Begin.

        Args:
            upstream: The registry.
            tree: What is here; None if that is not known.
            allowance: How many manifests may be fetched; None for as many as are needed.
        """
        self.spent = 0
        self._upstream, self._tree, self._allowance = upstream, tree, allowance
        self._lock = threading.RLock()
        self._parts: dict[tuple[str, str], list[Part] | None] = {}
        self._lengths: dict[str, int] = {}
        self._counted: set[tuple[str, str]] = set()

    def weight(self, repository: str, here: str, digest: str) -> Weight | None:
        """Return what copying an image fetches, beside what was asked for before; None if more had to be read than is allowed.

        Args:
            repository: Its repository there.
            here: And here.
            digest: Its digest.

        Raises:
            UpstreamError: A manifest cannot be read.
        """
        # regsync fetches an image that it copies, and of its manifests and blobs those that the repository here lacks.
        manifests, total = int(self._count(f"{repository}@", digest)), 0
        pending = [digest]
        while pending:
            one = pending.pop()
            parts = self.parts(repository, one)
            if parts is None:
                return None
            total += 0 if one != digest else self._lengths.get(one, 0)
            for part in parts:
                if not self._count(here, part.digest) or self._has(here, part):
                    continue
                total += part.size
                if part.is_manifest:
                    manifests += self._count(f"{repository}@", part.digest)
                    pending.append(part.digest)
        return Weight(manifests, total, exact=True)

    def parts(self, repository: str, digest: str) -> list[Part] | None:
        """Return what a manifest lists; None if it may not be read.

        Raises:
            UpstreamError: It cannot be read.
        """
        key = (repository, digest)
        if key not in self._parts:
            content = self._content(repository, digest)
            self._parts[key] = None if content is None else list(_parts_in(content))
            self._lengths[digest] = len(content or b"")
        return self._parts[key]

    def _content(self, repository: str, digest: str) -> bytes | None:
        if self._tree is not None and DIGEST.fullmatch(digest):
            try:
                return self._tree.blob(digest).read_bytes()
            except OSError:
                pass  # it is not here
        with self._lock:
            if self._allowance is not None and self.spent >= self._allowance:
                return None
            self.spent += 1
        return self._upstream.manifest(repository, digest).content

    def _count(self, where: str, digest: str) -> bool:
        """Whether something was not counted before."""
        with self._lock:
            new = (where, digest) not in self._counted
            self._counted.add((where, digest))
        return new

    def _has(self, here: str, part: Part) -> bool:
        if self._tree is None:
            return False
        try:
            link = self._tree.revision(here, part.digest) if part.is_manifest else self._tree.layer(here, part.digest)
            return link.is_file()
        except (OSError, TreeError):
            return False


def weighed(plans: Sequence[EntryPlan], reading: Reading) -> tuple[list[EntryPlan], int]:
    """Return plans with what their jobs fetch, and how many manifests were read for it. What cannot be read stays a guess."""
    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="weigh") as pool:
        asked = [(plan, [pool.submit(_weighed, job, reading) for job in plan.jobs]) for plan in plans]
        return [replace(plan, jobs=tuple(job.result() for job in jobs)) for plan, jobs in asked], reading.spent


def _weighed(job: Job, reading: Reading) -> Job:
    source, entry = job.entry.source, job.entry.entry
    if source is None or entry is None or entry.platform or entry.platforms or job.is_here:
        return job
    try:
        weight = reading.weight(source.repository, job.entry.repository, job.seen.digest)
    except UpstreamError:
        return job  # a run will say why
    return replace(job, weight=weight or job.weight)


def _parts_in(content: bytes) -> Iterator[Part]:
    """Yield what a manifest lists. Layers that are elsewhere (`urls`) are not copied."""
    members = members_of(content)
    for one in listed_in(members, "manifests"):
        platform = one.get("platform")
        yield Part(one["digest"], size_in(one), True, isinstance(platform, dict) and platform.get("os") != "unknown")
    for one in (*listed_in(members, "config"), *listed_in(members, "layers")):
        if not one.get("urls"):
            yield Part(one["digest"], size_in(one), False)
