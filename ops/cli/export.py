"""`regops export`: one moment of the registry as plain files, to a folder or to a server."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.printing import print_json, size
from ops.cli.say import say, telling
from ops.cli.shared import Json, Wait, end_with, stack_of
from ops.runs.task import Outcome
from ops.tasks.export.model import ExportReport
from ops.tasks.export.rsync import Target
from ops.tasks.export.run import export

EXAMPLES = "Examples: `regops export /mnt/usb/registry` · `regops export ssh://me@nas.example.com/registry --dry-run`"
_STEPS = {
    "linked": "comparing each blob with its digest …",
    "marked": "sending blobs that are missing there …",
    "sent": "comparing all of them with what is there …",
    "compared": "sending tags …",
}

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("export", epilog=EXAMPLES)
def export_(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A folder, or ssh://user@host:port/path.")],
    *,
    identity: Annotated[Path | None, typer.Option("--identity", metavar="FILE", help="The SSH key to log in with.")] = None,
    known_hosts: Annotated[Path | None, typer.Option("--known-hosts", metavar="FILE", help="The server's SSH host key.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be sent.")] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Export the registry as plain files.

    One moment, in the registry's own layout, which any registry serves: to a folder, or by rsync to any server. No format, no
    password, no way back to this software needed. The registry goes on. Blobs that are there already are not sent again; all are
    compared, and tags come last, so whatever is there can be pulled. Tags that are gone here go there too. An export that was
    interrupted goes on where it was.
    """
    stack = stack_of(context)

    def work() -> Outcome:
        report = export(stack, Target(target, identity, known_hosts), telling(_STEPS), dry_run=dry_run)
        if as_json:
            print_json({"report": asdict(report)})
        else:
            _show(report, dry_run=dry_run)
        return Outcome(report.exit_code, report.summary, {"blobs": report.blobs, "bytes": report.size, "sent_files": report.sent})

    end_with(stack, "export", work, lock="export", wait_s=wait, routine=dry_run)


def _show(report: ExportReport, *, dry_run: bool) -> None:
    if dry_run:
        say(f"would export {report.tags} tags, {report.blobs} blobs, {size(report.size)}; {report.sent} files are missing there")
    else:
        say(report.summary)
    for file in report.repaired:
        say(f"was different there, and is repaired: {file}")
    for digest in report.damaged:
        say(f"damaged here, and left out: {digest}; `regops restore` brings it back from a backup")
    for tag, why in report.incomplete.items():
        say(f"damaged: {tag}: {why}")
    for why in report.unclear:
        say(f"cannot be read: {why}")
