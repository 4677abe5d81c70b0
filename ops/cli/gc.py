"""`regops gc`: frees what no tag leads to any more, while pulls go on and writes wait for moments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.cli.shared import STORAGE, Json, Wait, end_with, print_json, print_table, say, size, stack_of
from ops.core import exit_codes
from ops.tasks.gc.model import Refusal

if TYPE_CHECKING:
    from ops.runs.task import Outcome
    from ops.stack.stack import Stack
    from ops.tasks.gc.model import GcReport, Plan
    from ops.tasks.gc.run import GarbageCollection

EXAMPLES = """\
Examples: `regops gc --dry-run` · `regops gc` · `regops gc --allow share` · `regops gc --keep-untagged --json` ·
`regops gc --recover`
"""
_SHOWN = 15
# In one phase, the registry is read-only throughout.
_READ_ONLY_LIMIT_S, _ONE_PHASE_LIMIT_S = 120.0, 3600.0
_COLLECTOR_LIMIT_S = 3600.0
_FIRST_STEPS = {"copied": "copied; the registry's collector looks for what is unused …"}
_STEPS = _FIRST_STEPS | {
    "marked": "marked; writes are refused in a moment …",
    "read-only-on": "writes are refused …",
    "swept": "removed …",
    "read-only-off": "writes are let in again; some images are read whole …",
}


def gc(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
    keep_untagged: Annotated[bool, typer.Option("--keep-untagged", help="Keep manifests that no tag names.")] = False,
    classic: Annotated[bool, typer.Option("--classic", help="In one phase: writes are refused all the time.")] = False,
    no_undo: Annotated[bool, typer.Option("--no-undo", help="Keep no snapshot: the room is free at once.")] = False,
    allow: Annotated[list[Refusal], typer.Option(help="Begin all the same.")] = [],  # noqa: B006
    recover: Annotated[bool, typer.Option("--recover", help="Only make good a collection that was killed.")] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Free what no tag leads to any more. Pulls go on; writes are refused for moments. `regops undo` gives it back.

    First the registry's own collector marks on a copy, which refuses nothing; then what it marked is removed, less what has
    been pushed again meanwhile. Refused without --allow: more than half of all blobs going (share), indexes that would lose
    images (sparse), no recent backup, where the settings ask for one (backup).
    """
    stack = stack_of(context)

    steps = _FIRST_STEPS if dry_run else _STEPS

    def work() -> Outcome:
        with _collection(stack, allow, classic=classic, keep_untagged=keep_untagged, undo=not no_undo, steps=steps) as collection:
            if recover:
                return _recover(collection)
            return _plan(collection, as_json=as_json) if dry_run else _run(stack, collection, as_json=as_json)

    name = "gc-plan" if dry_run else "gc-recover" if recover else "gc"
    end_with(stack, name, work, lock=STORAGE, wait_s=wait, routine=dry_run or recover)


@contextmanager
def _collection(
    stack: Stack, allow: list[Refusal], *, classic: bool, keep_untagged: bool, undo: bool, steps: Mapping[str, str]
) -> Iterator[GarbageCollection]:
    from dataclasses import replace

    from ops.core.docker_engine import connected
    from ops.stack.registry import container, live_registry
    from ops.tasks.gc.container import ContainerCollector
    from ops.tasks.gc.model import Keep, Rules, SafetyLimits
    from ops.tasks.gc.run import GarbageCollection

    given, limits = stack.config.gc, stack.config.services["registry"]
    with connected() as engine:
        collector = ContainerCollector(
            engine, container(stack, "registry"), cpus=limits.cpus, memory_mib=limits.memory_mib, limit_s=_COLLECTOR_LIMIT_S
        )
        read_only_limit_s = _ONE_PHASE_LIMIT_S if classic else _READ_ONLY_LIMIT_S
        live = live_registry(stack, image=collector.image(), read_only_limit_s=read_only_limit_s)
        yield GarbageCollection(
            replace(live, step=lambda step: say(steps[step]) if step in steps else None),
            collector,
            Rules(
                delete_untagged=given.delete_untagged and not keep_untagged,
                keep=tuple(Keep(one.repositories, one.tags) for one in given.keep),
                min_age_s=given.min_age_hours * 3600,
                orphaned_signatures=given.orphaned_signatures,
            ),
            SafetyLimits(
                max_share=given.max_share,
                max_backup_age_s=given.max_backup_age_days and given.max_backup_age_days * 86_400,
                allowed=frozenset(allow),
            ),
            backup_age_s=lambda: _backup_age_s(stack),
            one_phase=classic,
            keep_snapshot=undo,
        )


def _backup_age_s(stack: Stack) -> float | None:
    """Return how long ago the last backup succeeded; None when none has."""
    from datetime import UTC, datetime

    from ops.runs.task import history_of

    last = history_of(stack).last_success("backup")
    return (datetime.now(UTC) - datetime.fromisoformat(last.started)).total_seconds() if last else None


def _plan(collection: GarbageCollection, *, as_json: bool) -> Outcome:
    from ops.runs.task import Outcome

    plan = collection.plan()
    if as_json:
        print_json({"plan": _document(plan)})
    else:
        _show(plan)
        for kind, reason in plan.refusals.items():
            say(f"it would not begin: {reason} (--allow {kind})")
    return Outcome(exit_codes.WARNINGS if plan.refusals else 0, f"{plan.blobs} blobs would go, {size(plan.size)}")


def _run(stack: Stack, collection: GarbageCollection, *, as_json: bool) -> Outcome:
    from datetime import timedelta

    from ops.runs.task import Outcome

    report = collection.run()
    store = collection.live.store
    with store.locked("gc"):
        old = store.drop_expired(keep=stack.config.undo.snapshots, max_age=timedelta(days=stack.config.undo.days))
        held = store.space().total
    if as_json:
        print_json({"report": _document(report), "snapshots_removed": old, "snapshots_bytes": held})
    else:
        _show(report.plan)
        _tell(report, held)
    figures = {
        "removed_blobs": report.removed_blobs,
        "removed_bytes": report.size,
        "refused_seconds": report.refused_s,
        "snapshots_bytes": held,
    }
    summary = f"{report.removed_blobs} blobs went, {size(report.size)}; writes were refused for {report.refused_s:.1f} s"
    if report.problems:
        return Outcome(
            exit_codes.MISMATCH, f"{report.problems[0]}; give back what went with `regops undo restore latest`", figures
        )
    return Outcome(0, summary, figures)


def _recover(collection: GarbageCollection) -> Outcome:
    from ops.registry.snapshots.recovery import roll_back
    from ops.runs.task import Outcome

    live = collection.live
    collection.collect.clear()
    with live.store.locked("gc"):
        undone = roll_back(live, "gc")
    return Outcome(0, f"{len(undone)} collections that were killed were undone" if undone else "there was nothing to make good")


def _show(plan: Plan) -> None:
    say(f"{plan.blobs} of {plan.all_blobs} blobs go ({size(plan.size)}), {plan.manifests} manifests, {len(plan.tags)} signatures")
    if plan.repositories:
        rows = [(one.name, one.manifests, one.layers, one.tags, size(one.size)) for one in plan.repositories[:_SHOWN]]
        print_table(["repository", "manifests", "layers", "tags", "size"], rows)
    if (more := len(plan.repositories) - _SHOWN) > 0:
        say(f"and {more} more repositories")


def _tell(report: GcReport, held: int) -> None:
    say(f"{report.removed_blobs} blobs went, {size(report.size)}; {report.kept_again} files stayed, pushed again meanwhile")
    say(f"writes were refused for {report.refused_s:.1f} s; {len(report.verified)} images were read whole")
    for problem in report.problems:
        say(f"problem: {problem}")
    if report.snapshot:
        say(f"`regops undo restore {report.snapshot}` gives it back; snapshots hold {size(held)}")


def _document(value: Any) -> dict[str, Any]:
    return asdict(value)
