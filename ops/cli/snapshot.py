"""`regops snapshot`: lists, creates and deletes snapshots, and restores from them; `regops undo` restores from the latest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from ops.cli.printing import print_json, size, when
from ops.cli.say import say
from ops.cli.shared import STORAGE, Expect, Json, Wait, end_with, stack_of
from ops.cli.tables import print_table
from ops.core import exit_codes
from ops.registry.restore.model import RestorePlan, RestoreScope
from ops.registry.restore.plan import LATEST
from ops.runs.task import Outcome
from ops.stack.budget import Allowed
from ops.stack.stack import Stack
from ops.tasks.snapshot.run import create, delete, preview, restore, snapshots

EXAMPLES = """\
Examples: `regops snapshot` · `regops snapshot create` · `regops snapshot restore latest --dry-run` ·
`regops snapshot restore latest team/app:v1` · `regops snapshot delete 20261125T040000.000000Z-gc`
"""
RESTORE_EXAMPLES = """\
Examples: `regops snapshot restore latest` · `regops snapshot restore latest team/app:v1 --dry-run` ·
`regops snapshot restore 20261125T032000.000000Z-snapshot team/app:v1 --overwrite`
"""
UNDO_EXAMPLES = """\
Examples: `regops undo --dry-run` · `regops undo` · `regops undo team/app:v1` · `regops undo team/app:v1 --overwrite`
"""
# What `regops undo` could do before there was `regops snapshot`.
_OLD_VERBS = {"take": "create", "restore": "restore", "forget": "delete"}

app = typer.Typer(invoke_without_command=True, epilog=EXAMPLES, add_completion=False, rich_markup_mode=None)
undo = typer.Typer(add_completion=False, rich_markup_mode=None)

_What = Annotated[str, typer.Argument(metavar="REPOSITORY[:TAG|@DIGEST]", help="Only this repository, tag or manifest.")]
_All = Annotated[bool, typer.Option("--all", help="Everything, not only what the garbage collector or retention deleted.")]
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="Also set back tags that point to something else now.")]
_Allow = Annotated[list[Allowed], typer.Option("--allow", help="Override this safety check.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be restored.")]


@app.callback()
def show(context: typer.Context, *, as_json: Json = False) -> None:
    """List, create, delete and restore snapshots.

    Without a verb, it lists them. A snapshot is a small file on this host that says which tags, manifests and layers there were.
    One is made every night, by each garbage collection, and by `regops snapshot create`. What a collection deletes is kept with
    its snapshot, and takes up space until that is deleted.
    """
    if context.invoked_subcommand is None:
        _list(stack_of(context), as_json=as_json)


@app.command("list", epilog="Examples: `regops snapshot list` · `regops snapshot list --json`")
def list_(context: typer.Context, *, as_json: Json = False) -> None:
    """List all snapshots.

    Shows why each was made, and how much space deleting it would free.
    """
    _list(stack_of(context), as_json=as_json)


@app.command("create", epilog="Examples: `regops snapshot create` · `regops snapshot create --wait 600`")
def create_(context: typer.Context, *, wait: Wait = 0.0, as_json: Json = False) -> None:
    """Create a snapshot now.

    Whatever is deleted or overwritten later can then be restored. Snapshots that are too old or too many are deleted;
    `operations.undo` in the settings says how many are kept.
    """
    stack = stack_of(context)
    end_with(stack, "snapshot", lambda: _create(stack, as_json=as_json), lock=STORAGE, wait_s=wait, routine=True)


@app.command("restore", epilog=RESTORE_EXAMPLES)
def restore_(
    context: typer.Context,
    snapshot: Annotated[str, typer.Argument(help="Its name, or `latest`.")],
    what: _What = "",
    *,
    everything: _All = False,
    overwrite: _Overwrite = False,
    expect: Expect = "",
    allow: _Allow = [],  # noqa: B006
    dry_run: _DryRun = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Restore from a local snapshot; not from a backup.

    Without REPOSITORY[:TAG|@DIGEST], it restores what the garbage collector or retention deleted. A tag that points to something
    else now stays as it is, unless --overwrite is given; then a snapshot of the present state is made first. `latest` is the
    latest snapshot from which something would be restored. It does not start if writes would be refused for longer than the error
    budget has left, unless --allow budget is given.
    """
    scope = RestoreScope.of(what, everything=everything, overwrite=overwrite, expect=expect)
    _restore(stack_of(context), snapshot, scope, allow, dry_run=dry_run, wait_s=wait, as_json=as_json)


@app.command("delete", epilog="Examples: `regops snapshot delete 20261125T040000.000000Z-gc`")
def delete_(
    context: typer.Context,
    snapshot: Annotated[str, typer.Argument(help="Its name.")],
    *,
    as_json: Json = False,
) -> None:
    """Delete a snapshot.

    What the garbage collection deleted that made it is then gone for good, and its space is free.
    """
    freed = delete(stack_of(context), snapshot)
    if as_json:
        print_json({"removed": snapshot, "bytes": freed})
    else:
        say(f"deleted {snapshot}; freed {size(freed)}")


@undo.command(epilog=UNDO_EXAMPLES, context_settings={"allow_extra_args": True})
def restore_latest(
    context: typer.Context,
    what: _What = "",
    *,
    everything: _All = False,
    overwrite: _Overwrite = False,
    expect: Expect = "",
    allow: _Allow = [],  # noqa: B006
    dry_run: _DryRun = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Restore from the latest snapshot.

    The same as `regops snapshot restore latest`: from a local snapshot, not from a backup.
    """
    if what in _OLD_VERBS:
        _as_before(context, what, scope=partial(RestoreScope.of, everything=everything, overwrite=overwrite), dry_run=dry_run)
        return
    if context.args:
        raise typer.BadParameter(f"takes one repository or tag; drop {' '.join(context.args)}", param_hint="REPOSITORY[:TAG]")
    scope = RestoreScope.of(what, everything=everything, overwrite=overwrite, expect=expect)
    _restore(stack_of(context), LATEST, scope, allow, dry_run=dry_run, wait_s=wait, as_json=as_json)


def _as_before(context: typer.Context, verb: str, *, scope: Callable[[str], RestoreScope], dry_run: bool) -> None:
    """Do what a verb of `regops undo` did before there was `regops snapshot`, and tell its new name."""
    words = context.args
    old, new = (" ".join(["regops", *name, *words]) for name in (["undo", verb], ["snapshot", _OLD_VERBS[verb]]))
    say(f"`{old}` is now `{new}`")
    name, what = [*words, "", ""][:2]
    if verb != "take" and not name:
        raise typer.BadParameter("needs the name of a snapshot", param_hint="SNAPSHOT")
    match verb:
        case "take":
            create_(context)
        case "forget":
            delete_(context, name)
        case _:
            _restore(stack_of(context), name, scope(what), [], dry_run=dry_run, wait_s=0.0, as_json=False)


def _list(stack: Stack, *, as_json: bool) -> None:
    found, sizes = snapshots(stack)
    if as_json:
        rows = [
            {
                "name": one.name,
                "made_at": one.made_at.isoformat(),
                "why": one.why,
                "state": one.state,
                "image": one.image,
                "removed_files": len(one.removed()),
                "bytes": sizes[one.name],
            }
            for one in found
        ]
        print_json({"snapshots": rows, "bytes": sum(sizes.values())})
        return
    print_table(
        ["snapshot", "created", "by", "state", "would free"],
        [(one.name, when(one.made_at), one.why, one.state, size(sizes[one.name])) for one in found],
    )
    say(f"all of them hold {size(sum(sizes.values()))}")


def _create(stack: Stack, *, as_json: bool) -> Outcome:
    made = create(stack)
    if as_json:
        print_json({"snapshot": made.name, "removed": made.expired, "bytes": made.held})
    else:
        say(f"created {made.name}; snapshots hold {size(made.held)}")
        say(f"`regops snapshot restore {made.name} REPOSITORY:TAG` restores what is deleted or overwritten from now on")
    return made.outcome


def _restore(
    stack: Stack, snapshot: str, scope: RestoreScope, allow: list[Allowed], *, dry_run: bool, wait_s: float, as_json: bool
) -> None:
    work = partial(_preview, stack, snapshot, scope) if dry_run else partial(_run, stack, snapshot, scope, allow)
    work = partial(work, as_json=as_json)
    end_with(stack, "restore-plan" if dry_run else "restore", work, lock=STORAGE, wait_s=wait_s, routine=dry_run)


def _preview(stack: Stack, snapshot: str, scope: RestoreScope, *, as_json: bool) -> Outcome:
    plan = preview(stack, snapshot, scope)
    print_json({"plan": _document(plan)}) if as_json else _show(plan)
    return Outcome(exit_codes.OK, f"{plan.missing} files would be restored")


def _run(stack: Stack, snapshot: str, scope: RestoreScope, allow: list[Allowed], *, as_json: bool) -> Outcome:
    report = restore(stack, snapshot, scope, allow)
    if as_json:
        print_json({"report": asdict(report) | {"plan": _document(report.plan)}})
    else:
        _show(report.plan)
        for problem in report.problems:
            say(f"problem: {problem}")
        if report.before:
            what = str(scope) or "--all"
            say(f"`regops snapshot restore {report.before} {what} --overwrite` reverts this")
    return Outcome(report.exit_code, report.summary)


def _show(plan: RestorePlan) -> None:
    say(f"to restore from {plan.snapshot}: {plan.missing} missing files, {size(plan.size)}, with {len(plan.tags)} tags")
    if plan.scope.only_removed and not plan.files:
        say("no garbage collection made this snapshot; name a tag, another snapshot (`regops snapshot`), or give --all")
    for image in plan.incomplete:
        say(f"cannot be restored: {image}; a blob that it needs is nowhere any more; use a backup")
    for one in plan.overwritten:
        say(f"set back: {one.repository}:{one.tag} from {one.now} to {one.then}")
    for one in plan.differing:
        say(f"unchanged: {one.repository}:{one.tag} is {one.now} now and was {one.then}; --overwrite sets it back")


def _document(plan: RestorePlan) -> dict[str, object]:
    """Return a plan without its list of files, of which there may be many thousands."""
    return {key: value for key, value in asdict(plan).items() if key != "files"} | {"files": len(plan.files)}
