"""`regops mirror-report`: what mirrored images are used for, and what could go."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from ops.cli.printing import print_json, size, when
from ops.cli.shared import Json, stack_of
from ops.cli.tables import print_table
from ops.tasks.sync.mirror import mirror_of
from ops.tasks.sync.usage import UsageReport, usage_of

EXAMPLES = "Examples: `regops mirror-report` · `regops mirror-report --unused` · `regops mirror-report --json`"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EXAMPLES)
def mirror_report(
    context: typer.Context,
    *,
    unused: Annotated[bool, typer.Option("--unused", help="Only entries that were never pulled.")] = False,
    as_json: Json = False,
) -> None:
    """Show what mirrored images are used for.

    Pulls are those in the edge's access log, as far back as it goes. What an entry frees is what no other repository uses:
    it is free once its images are deleted and garbage is collected.
    """
    with mirror_of(stack_of(context)) as mirror:
        report = usage_of(mirror)
    if as_json:
        print_json({"mirror": report.document()})
    else:
        _print(report, unused=unused)


def _print(report: UsageReport, *, unused: bool) -> None:
    now = time.time()
    rows = [
        (
            one.entry,
            one.tags,
            size(one.size),
            size(one.frees),
            one.pulls,
            size(one.sent),
            _at(one.last_pull),
            _at(one.last_change) + (" (stale)" if one.is_stale(now) else ""),
        )
        for one in (report.never_pulled if unused else report.entries)
    ]
    if rows:
        print_table(["ENTRY", "TAGS", "SIZE", "FREES", "PULLS", "SENT", "LAST PULL", "LAST NEW UPSTREAM"], rows)
    since = f"since {_at(report.since)}" if report.since else "as there is no access log yet"
    idle = report.never_pulled
    freed = size(sum(one.frees for one in idle))
    typer.echo(
        f"{len(idle)} of {len(report.entries)} entries were never pulled {since}; without their images {freed} would be free"
    )


def _at(seconds: float | None) -> str:
    return when(datetime.fromtimestamp(seconds, UTC)) if seconds else "never"
