"""`regops backup` backs the registry and the stack's state up, `backups` shows what there is, `verify` checks it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ops.backups.repository import LATEST, is_complete, is_good, repository_of
from ops.backups.standing import standing_of
from ops.backups.told import Backup
from ops.cli import prune
from ops.cli.printing import print_json, size, when
from ops.cli.say import say, telling
from ops.cli.shared import Json, Wait, end_with, stack_of
from ops.cli.tables import print_table
from ops.runs.task import Outcome
from ops.tasks.backup.compare import Difference, compared
from ops.tasks.backup.model import BackupReport
from ops.tasks.backup.run import back_up
from ops.tasks.backup.verify import verify

EXAMPLES = "Examples: `regops backup` · `regops backup --dry-run` · `regops backup --json`"
LIST_EXAMPLES = (
    "Examples: `regops backups` · `regops backups show latest` · `regops backups diff latest now` · `regops backups prune`"
)
VERIFY_EXAMPLES = "Examples: `regops verify` · `regops verify --all` · `regops verify --json`"
_STEPS = {
    "connected": "reading what the registry has …",
    "listed": "copying the state of services …",
    "linked": "sending what is new …",
}

app = typer.Typer(add_completion=False, rich_markup_mode=None)
backups = typer.Typer(invoke_without_command=True, epilog=LIST_EXAMPLES, add_completion=False, rich_markup_mode=None)
backups.command("prune", epilog=prune.EXAMPLES)(prune.prune)
verifying = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EXAMPLES)
def backup(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be in it.")] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Back up the registry and the stack's state.

    The registry goes on, and nobody has to wait. One backup has all of one moment: tags, manifests, blobs, secrets, certificates,
    the ledger. Only what is new is sent; if nothing has changed since the last backup, nothing is.

    If more has gone since the last good backup than `backup.max_loss` allows, the backup is made all the same, but marked as
    suspicious: the good ones before it are kept, and restores use them.
    """
    stack = stack_of(context)

    def work() -> Outcome:
        report = back_up(stack, telling(_STEPS), dry_run=dry_run)
        if as_json:
            print_json({"report": asdict(report)})
        else:
            _show_report(report, dry_run=dry_run)
        figures: dict[str, float] = {
            "tags": report.tags,
            "blobs": report.blobs,
            "added_bytes": report.added,
            "damaged_tags": len(report.damaged),
            "suspicious": float(report.suspicious),
        }
        if good := standing_of(stack).good:
            figures["good_timestamp_seconds"] = good.current
        return Outcome(report.exit_code, report.summary, figures)

    end_with(stack, "backup-plan" if dry_run else "backup", work, lock=prune.LOCK, wait_s=wait, routine=dry_run)


@backups.callback()
def list_(context: typer.Context, *, as_json: Json = False) -> None:
    """List, show and compare backups, and remove old ones.

    Without a verb, it lists them.
    """
    if context.invoked_subcommand is not None:
        return
    repository = repository_of(stack_of(context))
    found = repository.all()
    if as_json:
        print_json({"repository": repository.restic.shown, "backups": [_document(one) for one in found]})
        return
    rows = [(one.name, when(one.made_at), _standing(one), size(one.size), size(one.added)) for one in found]
    print_table(["backup", "made", "state", "size", "sent"], rows)
    say(f"{len(found)} backups in {repository.restic.shown}")


@backups.command("show", epilog="Examples: `regops backups show` · `regops backups show 1a2b3c4d --json`")
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="BACKUP", help="Its name, or `latest`.")] = LATEST,
    *,
    as_json: Json = False,
) -> None:
    """Show the repositories and tags of a backup."""
    repository = repository_of(stack_of(context))
    found = repository.find(name)
    index = repository.index(found)
    if as_json:
        repositories = {one: dict(had.tags) for one, had in index.items()}
        print_json({"backup": _document(found), "repositories": repositories})
        return
    rows = [(one, len(had.tags), len(had.revisions), len(had.layers), _some(sorted(had.tags))) for one, had in index.items()]
    print_table(["repository", "tags", "manifests", "layers", "such as"], rows)
    say(f"{found.name}, made {when(found.made_at)}: {size(found.size)}")


@backups.command("diff", epilog="Examples: `regops backups diff latest now` · `regops backups diff 1a2b3c4d 5e6f7a8b`")
def diff(
    context: typer.Context,
    old: Annotated[str, typer.Argument(metavar="BACKUP", help="The name of a backup, or `latest`.")],
    new: Annotated[str, typer.Argument(metavar="BACKUP", help="Another one, or `now` for the registry as it is.")] = "now",
    *,
    as_json: Json = False,
) -> None:
    """Show which tags differ between two backups, or between a backup and now."""
    found = compared(stack_of(context), old, new)
    if as_json:
        print_json(asdict(found))
    else:
        _show_difference(found)


@verifying.command("verify", epilog=VERIFY_EXAMPLES)
def verify_(
    context: typer.Context,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Read back all of it.")] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Check that the backups are whole.

    Their structure is checked, and a fourteenth of the data is compared with its checksums, another one each day of two weeks. A
    server that computes checksums, and lets the host's key ask for them, does it; otherwise the data is read back.
    """
    stack = stack_of(context)

    def work() -> Outcome:
        found = verify(stack, datetime.now(UTC).date(), everything=everything, tell=say)
        if as_json:
            print_json({"report": asdict(found)})
        else:
            say(found.summary)
        figures = {"backups": float(found.backups)}
        if verified := standing_of(stack).verified:
            figures["verified_timestamp_seconds"] = verified.current
        return Outcome(found.exit_code, found.summary, figures)

    end_with(stack, "verify", work, lock=prune.LOCK, wait_s=wait)


def _show_report(report: BackupReport, *, dry_run: bool) -> None:
    if dry_run:
        say(f"would back up {report.tags} tags, {report.blobs} blobs")
        if report.suspicious:
            say(f"it would be marked as suspicious: {report.losses.tags} tags and {report.losses.blobs} blobs are gone")
    else:
        say(report.summary)
    for tag, why in report.damaged.items():
        say(f"damaged: {tag}: {why}")
    for why in report.unclear:
        say(f"cannot be read: {why}")


def _show_difference(found: Difference) -> None:
    for sign, tags in (("+", found.added), ("-", found.removed), ("~", found.moved)):
        for tag in tags:
            typer.echo(f"{sign} {tag}")
    say(f"{found.old} to {found.new}: {len(found.added)} added, {len(found.removed)} deleted, {len(found.moved)} moved")


def _document(one: Backup) -> dict[str, Any]:
    return {
        "name": one.name,
        "id": one.id,
        "made_at": one.made_at.isoformat(timespec="seconds"),
        "good": is_good(one),
        "bytes": one.size,
        "sent_bytes": one.added,
    }


def _standing(one: Backup) -> str:
    if not is_complete(one):
        return "INCOMPLETE"
    return "good" if is_good(one) else "SUSPICIOUS"


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (" …" if names[3:] else "")
