"""`regops scrub`: compares blobs on the disk with their digests, and repairs what is damaged."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from ops.cli.printing import print_json, size
from ops.cli.say import say
from ops.cli.shared import Json, Wait, end_with, stack_of
from ops.runs.task import Outcome
from ops.tasks.scrub.model import Share
from ops.tasks.scrub.run import scrub

EXAMPLES = "Examples: `regops scrub` · `regops scrub --all` · `regops scrub --all --dry-run --json`"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("scrub", epilog=EXAMPLES)
def scrub_(
    context: typer.Context,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Read all blobs.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Repair nothing.")] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Compare blobs on the disk with their digests.

    A thirtieth of all blobs is read, another one each day, so that a disk that forgets is noticed before a client does. What is
    damaged is replaced by what a backup has under the same digest, or the registry that it is mirrored from, while clients notice
    nothing. What nobody has is named.
    """
    stack = stack_of(context)

    def work() -> Outcome:
        share = Share(None) if everything else Share.of_day(datetime.now(UTC).date())
        report = scrub(stack, share, say, dry_run=dry_run)
        if as_json:
            print_json({"report": asdict(report)})
        else:
            say(f"{report.summary} ({size(report.size)})")
            for digest, source in report.repaired.items():
                say(f"repaired: {digest} from {source}")
            for digest, why in report.unrepaired.items():
                say(f"damaged: {digest}: {why}")
        figures = {"blobs": report.blobs, "bytes": report.size, "damaged": len(report.damaged), "repaired": len(report.repaired)}
        return Outcome(report.exit_code, report.summary, {name: float(value) for name, value in figures.items()})

    end_with(stack, "scrub-plan" if dry_run else "scrub", work, lock="scrub", wait_s=wait, routine=dry_run)
