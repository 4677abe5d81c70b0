"""Mirrors what the catalogue names: each upstream registry by itself, all of them at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime
from http import HTTPStatus

from ops.core import exit_codes
from ops.core.locks import LockedError
from ops.registry.client import Login, RegistryClient
from ops.registry.transport import Answer, PooledEndpoint, RegistryError
from ops.runs.task import Outcome
from ops.stack.places import container
from ops.stack.stack import Stack
from ops.tasks.sync.deletion import BY, delete
from ops.tasks.sync.due import again, in_window
from ops.tasks.sync.mirror import REGSYNC, Mirror
from ops.tasks.sync.model import EntryResult, EntryState, Failure, Job, MirrorEntry, SyncReport
from ops.tasks.sync.one_upstream import OneUpstream
from ops.tasks.sync.planned import side_by_side
from ops.tasks.sync.progress import Progress

# Asks for a tag of a repository; raises RegistryError if there is no answer.
Ask = Callable[[str, str], Answer]

SYNC = BY
# Only one process copies at a time.
MIRROR_LOCK = "mirror"
_PASSWORD = "regsync/password"  # noqa: S105  # a path
_PATIENCE_S = 30.0
# A backup may hold the registry's files for a while.
_STORAGE_S = 600.0


@contextmanager
def from_outside(stack: Stack) -> Iterator[Ask]:
    """Yield what asks this registry for a tag of a repository as a client does, with regsync's account."""
    config = stack.config
    with closing(PooledEndpoint(config.url, config.ca, config.resolve)) as endpoint:
        yield RegistryClient(endpoint, Login(REGSYNC, stack.secret(_PASSWORD).strip()), until=time.monotonic() + _PATIENCE_S).look


def sync(
    mirror: Mirror,
    entries: Iterable[MirrorEntry],
    *,
    force: bool = False,
    tell: Callable[[str], None] = lambda _: None,
    asking: Callable[[Stack], AbstractContextManager[Ask]] = from_outside,
) -> SyncReport:
    """Mirror entries.

    Args:
        mirror: Whose.
        entries: Which.
        force: Also those that are not due yet.
        tell: Told how far it has come.
        asking: Opens what asks this registry for what was copied.

    Raises:
        MirrorStateError: What is remembered cannot be read or written.
        RegsyncError: regsync cannot be run.
        ConfigError: A login cannot be read.
        OSError: The disk is full.
    """
    from ops.stack.regsync import end_others  # noqa: PLC0415  # see Mirror

    now, entries = time.time(), list(entries)
    mirror.state.forget_others(mirror.entries)
    records = mirror.state.records()
    on = [entry for entry in entries if entry.enabled]
    due = [entry for entry in on if force or entry.key not in records or records[entry.key].is_due(now)]
    if due and (left := end_others(container(mirror.stack, REGSYNC))):
        tell(f"ended {left} runs of regsync that were left")
    tries = {key: record.tries for key, record in records.items()}
    progress = {entry.key: Progress(entry, failures={"": entry.failure}) for entry in due if entry.failure}
    _remember(mirror, [one.result(tries.get(key, 0)) for key, one in progress.items()], now)
    budgets: dict[str, int] = {}
    verified = 0
    with asking(mirror.stack) as ask:
        for upstream, (found, budget) in side_by_side(mirror, due, OneUpstream.run, tell):
            verified += sum(_verify(one, ask) for one in found)
            progress.update((one.entry.key, one) for one in found)
            _remember(mirror, [one.result(tries.get(one.entry.key, 0)) for one in found if not mirror.stop.is_set()], now)
            if budget is not None:
                budgets[upstream.name] = budget.remaining
    snapshot = _prune(mirror, progress.values(), tell)
    results = tuple(progress[entry.key].result(tries.get(entry.key, 0)) for entry in due if entry.key in progress)
    mirror.state.run_ended(budgets, time.time())
    return SyncReport(results, len(on) - len(due), len(entries) - len(on), snapshot, verified, budgets)


def outcome_of(report: SyncReport) -> Outcome:
    """Return how a run ended: with warnings when an entry failed."""
    failed, count = report.count(EntryState.FAILED), len(report.results)
    figures = {str(state): float(report.count(state)) for state in EntryState}
    figures["copied_tags"] = float(sum(len(one.copied) for one in report.results))
    figures["copied_bytes"] = float(sum(one.size for one in report.results))
    figures["quarantined"] = float(sum(one.quarantined for one in report.results))
    first = next((one for one in report.results if one.state is EntryState.FAILED), None)
    summary = f"{int(figures['copied_tags'])} tags copied; {failed} of {count} entries failed" if count else "nothing was due"
    if first:
        summary += f", such as {first.entry.name}: {first.why}"
    return Outcome(exit_codes.WARNINGS if failed else exit_codes.OK, summary, figures)


def waits_for_window(mirror: Mirror, now: datetime | None = None) -> bool:
    """Whether a scheduled run would not copy now."""
    return not in_window(mirror.settings.window, now or datetime.now(UTC))


def _remember(mirror: Mirror, results: Sequence[EntryResult], began: float) -> None:
    mirror.state.ended([(result, again(result, began)) for result in results], began)


def _prune(mirror: Mirror, fared: Iterable[Progress], tell: Callable[[str], None]) -> str:
    """Delete what the policies of entries let go that fared well; return the snapshot from which it can be restored."""
    going = {
        (plan.entry.repository, tag): one
        for one in fared
        if not one.failures and not one.waits
        for plan in one.plans
        for tag in plan.surplus
    }
    if not going or mirror.stop.is_set():
        return ""
    try:
        done = delete(mirror.stack, going, patience_s=_STORAGE_S)
    except LockedError as error:
        tell(f"nothing is deleted now: {error}")
        return ""
    if done is None:
        return ""
    for link in done.deleted:
        one = going[link.repository, link.tag]
        one.deleted.append(f"{link.repository}:{link.tag}" if one.entry.registry else link.tag)
        tell(f"{link.repository}:{link.tag} deleted")
    return done.snapshot


def _verify(one: Progress, ask: Ask) -> int:
    """Compare what was copied with what clients get; return how many tags were well."""
    bad = {job.told: failure for job in one.copied if (failure := _differs(job, ask))}
    one.failures.update(bad)
    one.copied = [job for job in one.copied if job.told not in bad]
    return len(one.copied)


def _differs(job: Job, ask: Ask) -> Failure | None:
    """Return what is wrong with a copied tag as clients get it."""
    repository, entry = job.entry.repository, job.entry.entry
    try:
        answer = ask(repository, job.seen.tag)
    except RegistryError as error:
        return Failure(f"was copied, and cannot be asked for from outside: {error}", passes=True)
    if answer.status != HTTPStatus.OK:
        return Failure(f"was copied, and is answered with {answer.status} from outside", passes=True)
    digest = answer.headers.get("Docker-Content-Digest", "")
    if digest != job.seen.digest and not (entry and entry.platform):
        return Failure(f"is {digest} from outside, and {job.seen.digest} upstream", passes=True)
    return None
