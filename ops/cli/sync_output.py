"""How plans, reports and the state of the mirror are printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import typer

from ops.cli.printing import size, when
from ops.config import MirrorSettings
from ops.tasks.sync.eta import Eta
from ops.tasks.sync.model import EntryPlan, EntryResult, EntryState, SyncReport, Weight
from ops.tasks.sync.planned import SyncPlan
from ops.tasks.sync.status import MirrorStatus

_TAGS_SHOWN = 6
_MINUTE_S, _HOUR_S = 60.0, 3600.0


def plan_document(plan: SyncPlan, reserve: int) -> dict[str, Any]:
    """Return a plan for programs, of a mirror that leaves so many pulls for people."""
    return {
        "entries": [entry.document() for entry in plan.entries],
        "off": plan.off,
        "pulls": {name: asdict(budget) for name, budget in plan.budgets.items()},
        "seconds": round(plan.seconds, 2),
        "read": dict(plan.read),
        "eta_seconds": round(eta.seconds) if (eta := plan.eta(reserve)) else None,
    }


def print_plan(plan: SyncPlan, settings: MirrorSettings) -> None:
    """Print a plan for people: what changes, and what it costs."""
    first, *rest = plan_summary(plan, settings)
    typer.echo(first)
    if rows := plan_rows(plan):
        _print_table(["ENTRY", "WHAT", "MANIFESTS", "BYTES"], rows)
    for line in rest:
        typer.echo(line)


def plan_rows(plan: SyncPlan) -> list[tuple[str, str, str, str]]:
    """Return what becomes of entries that do not stay as they are: entry, what, manifests, bytes."""
    return [row for one in plan.entries for row in _rows(one)]


def plan_summary(plan: SyncPlan, settings: MirrorSettings) -> list[str]:
    """Return a plan in three lines: what was looked at, what it costs, and what stays as it is."""
    tags = sum(len(one.jobs) + len(one.unchanged) + len(one.held) + len(one.young) for one in plan.entries)
    costs = ", ".join(f"{count} pulls of {name}" for name, count in plan.read.items() if name in plan.budgets)
    looked = f"looked at {len(plan.entries)} entries with {tags} tags in {plan.seconds:.1f} s"
    jobs = [job for one in plan.entries for job in one.jobs]
    known = [job.weight for job in jobs if job.weight]
    parts = [f"{len(jobs)} tags to copy"]
    if known:
        parts.append(f"{_about(known)}{size(sum(weight.size for weight in known))}")
    if len(known) < len(jobs):
        parts.append(f"{len(jobs) - len(known)} tags of unknown size")
    for name, budget in plan.budgets.items():
        weights = [job.weight for job in jobs if job.weight and job.entry.upstream == name]
        needed = sum(weight.manifests for weight in weights)
        left = f"{budget.remaining} pulls that {name} grants yet, {settings.hub_reserve} of them kept for people"
        parts.append(f"{_about(weights)}{needed} of the {left}" if needed else left)
    if jobs:
        parts.append(done_in(plan.eta(settings.hub_reserve)))
    idle = sum(not row for row in map(_rows, plan.entries))
    return [
        f"{looked}, which {f'has cost {costs}' if costs else 'costs no pulls'}",
        " · ".join(parts),
        f"{idle} entries unchanged" + (f", {plan.off} switched off" if plan.off else ""),
    ]


def _rows(one: EntryPlan) -> list[tuple[str, str, str, str]]:
    name, rows = one.entry.label, list[tuple[str, str, str, str]]()
    new = [job.seen.tag for job in one.jobs if job.before is None]
    signed = [job.seen.tag for job in one.jobs if job.is_here]
    moved = [job.seen.tag for job in one.jobs if job.before is not None and not job.is_here]
    if one.jobs:
        words = [*_words(new, "new"), *_words(moved, "moved"), *_words(signed, "with more that refers to it")]
        weights = [job.weight for job in one.jobs]
        known = [weight for weight in weights if weight]
        partly = "at least " if len(known) < len(weights) else _about(known)
        manifests = f"{partly}{sum(weight.manifests for weight in known)}" if known else "?"
        amount = f"{partly}{size(sum(weight.size for weight in known))}" if known else "?"
        rows.append((name, ", ".join(words), manifests, amount))
    notes = [
        *([f"{_tags(one.moved)}: a version that moved upstream"] if one.moved else []),
        *([f"{_tags(one.held)} moved upstream: held; `regops sync release` lets it go"] if one.held else []),
        *([f"{tag} is too young until {when(datetime.fromtimestamp(at, UTC))}" for tag, at in one.young.items()]),
        *([f"{_tags(one.gone)} left upstream: kept here"] if one.gone else []),
        *([f"{_tags(one.surplus)} to be deleted here"] if one.surplus and not one.refused else []),
        *([f"FAILS: {one.refused}"] if one.refused else []),
        *([f"{_tags(one.ignored)}: of a kind that it does not want (mediaTypes)"] if one.ignored else []),
        *([f"FAILS: {one.failure}"] if one.failure else []),
    ]
    return rows + [(name, note, "", "") for note in notes]


def done_in(eta: Eta | None) -> str:
    """Return how long copies take, for people."""
    if eta is None:
        return "how long that takes is unknown yet: past copies tell"
    waiting = f", waiting for pulls {eta.windows} times" if eta.windows > 1 else ", waiting for pulls once" if eta.windows else ""
    return f"done in about {_duration(eta.seconds)}{waiting}"


def _duration(seconds: float) -> str:
    if seconds < _MINUTE_S:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / _MINUTE_S:.0f} min" if seconds < 2 * _HOUR_S else f"{seconds / _HOUR_S:.0f} h"


def _about(weights: Iterable[Weight]) -> str:
    return "" if all(weight.exact for weight in weights) else "about "


def _words(tags: list[str], what: str) -> list[str]:
    return [f"{_tags(tags)} {what}"] if tags else []


def _tags(tags: Iterable[str]) -> str:
    every = list(tags)
    more = f" and {len(every) - _TAGS_SHOWN} more" if len(every) > _TAGS_SHOWN else ""
    return " ".join(every[:_TAGS_SHOWN]) + more


def print_report(report: SyncReport) -> None:
    """Print for people what a run did."""
    rows = [_result(one) for one in report.results if one.state is not EntryState.UNCHANGED]
    if rows:
        _print_table(["ENTRY", "STATE", "WHAT"], rows)
    counts = [f"{count} {state}" for state in EntryState if (count := report.count(state))]
    if report.not_due:
        counts.append(f"{report.not_due} looked at not long ago (--force looks again)")
    if report.off:
        counts.append(f"{report.off} switched off")
    if report.verified:
        counts.append(f"verified from outside: {report.verified} tags")
    if report.snapshot:
        counts.append(f"`regops snapshot restore {report.snapshot}` brings back what was deleted")
    typer.echo(" · ".join(counts) or "the catalogue has no entries")


def _result(one: EntryResult) -> tuple[str, str, str]:
    copied = f"{_tags(one.copied)} ({size(one.size)} in {one.seconds:.0f} s)" if one.copied else ""
    deleted = f"deleted {_tags(one.deleted)}" if one.deleted else ""
    tried = f" ({'quarantined' if one.quarantined else f'try {one.tries}'})" if one.tries else ""
    return one.entry.label, str(one.state), "; ".join(part for part in (copied, deleted, one.why + tried) if part)


def status_document(status: MirrorStatus) -> dict[str, Any]:
    """Return how the mirror fares, for programs."""
    return {
        "entries": [
            {"entry": entry.name, "repository": entry.repository, "line": entry.line, "record": asdict(one) if one else None}
            | {"quarantined": bool(one and one.quarantined)}
            for entry, one in status.entries
        ],
        "off": status.off,
        "well": status.well,
        "last_run": status.ended,
        "pulls_left": dict(status.pulls),
    }


def print_status(status: MirrorStatus, *, everything: bool) -> None:
    """Print for people how the mirror fares."""
    now = datetime.now(UTC).timestamp()
    rows = [
        (
            entry.label,
            ("quarantined" if one.quarantined else str(one.state)) if one else "never looked at",
            _at(one.looked) if one else "",
            _at(one.well) if one and one.well else "never",
            _at(one.again) if one and one.again > now else "next run",
            one.why if one else "",
        )
        for entry, one in status.entries
        if everything or one is None or one.state not in {EntryState.UNCHANGED, EntryState.CHANGED}
    ]
    if rows:
        _print_table(["ENTRY", "STATE", "LOOKED AT", "WAS WELL", "DUE", "WHY"], rows)
    typer.echo(f"mirror: {status.summary(now)}")
    for name, left in status.pulls.items():
        typer.echo(f"{name} granted {left} more pulls at the last run")


def _print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    from ops.cli.tables import print_table  # noqa: PLC0415  # what it imports takes a tenth of the time of a plan

    print_table(columns, rows)


def _at(seconds: float) -> str:
    return when(datetime.fromtimestamp(seconds, UTC))
