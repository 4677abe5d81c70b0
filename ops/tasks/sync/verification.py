"""Whether tags may be copied of entries that want them signed: what cannot be verified is not copied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ops.catalogue.rules import GET_COSIGN, NO_COSIGN
from ops.tasks.sync.model import Failure, Job, MirrorEntry

if TYPE_CHECKING:
    from ops.upstream.cosign import Cosign

# cosign takes a moment to start, and then waits for the registry.
_AT_ONCE = 4
_NO_COSIGN = Failure(NO_COSIGN, GET_COSIGN)


class Verifier:
    """Verifies the tags of one upstream registry."""

    def __init__(self, connect: Callable[[], Cosign | None]) -> None:
        """Name what makes a cosign for it; that returns None if there is none here."""
        self._connect = connect

    def refusal(self, entry: MirrorEntry) -> Failure | None:
        """Return why nothing of an entry may be copied: it wants signatures, and they cannot be verified."""
        wanted = entry.entry.policies.verify if entry.entry else None
        return _NO_COSIGN if wanted and self._connect() is None else None

    def failures(self, jobs: Sequence[Job]) -> dict[tuple[str, str], Failure]:
        """Return by entry and digest why images must not be copied. What is about an image is verified with it.

        Raises:
            OSError: What cosign is told cannot be written.
        """
        asked = {(job.entry.key, job.seen.digest): job for job in jobs if _is_wanted(job)}
        if not asked:
            return {}
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="verify") as pool:
            found = zip(asked, pool.map(self._failure, asked.values()), strict=True)
            return {key: failure for key, failure in found if failure}

    def _failure(self, job: Job) -> Failure | None:
        from ops.upstream.cosign import UnverifiedError  # noqa: PLC0415  # few verify anything

        source, entry, cosign = job.entry.source, job.entry.entry, self._connect()
        if source is None or entry is None or entry.policies.verify is None:
            return None
        if cosign is None:
            return _NO_COSIGN
        try:
            cosign.verify(source.repository, job.seen.digest, entry.policies.verify)
        except UnverifiedError as error:
            return Failure(str(error), passes=error.passes)
        return None


def _is_wanted(job: Job) -> bool:
    entry = job.entry.entry
    return bool(entry and entry.policies.verify) and not job.seen.about and not job.is_here
