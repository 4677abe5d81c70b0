"""`regops changes`: what the tags of the registry name, and named, when that changed, and who changed it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ops.cli.shared import Json, Wait, end_with, print_json, stack_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.runs.task import Outcome
    from ops.stack.stack import Stack
    from ops.tasks.changes.ledger import Ledger
    from ops.tasks.changes.model import Scan
    from ops.tasks.changes.report import ChangesReport

EXAMPLES = """\
Examples: `regops changes` · `regops changes --since yesterday` · `regops changes --since 7d --detailed` ·
`regops changes at 2026-03-01` · `regops changes history team/app:v1`
"""
LEDGER = "changes.db"
_NOTIFIER = "notifier"
_PATIENCE_S = 30.0

T = TypeVar("T")

changes = typer.Typer(invoke_without_command=True, epilog=EXAMPLES, rich_markup_mode=None)


@changes.callback()
def look(
    context: typer.Context,
    *,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only show what the ledger has since: 24h, 2026-03-01.")
    ] = None,
    detailed: Annotated[bool, typer.Option("--detailed", help="Show each change.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show only what is wrong.")] = False,
    api: Annotated[bool, typer.Option("--api", help="Ask the registry, as its users do, instead of its tree.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Record also that most tags have vanished.")] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Look at all tags, record and show what changed since the last look; or show what the ledger has.

    What cannot be seen is unknown, never removed. A version tag that moved is a warning.
    """
    if context.invoked_subcommand is not None:
        return
    from ops.tasks.changes.report import Detail
    from ops.tasks.changes.views import changes_since

    stack = stack_of(context)
    detail = Detail.QUIET if quiet else Detail.DETAILED if detailed else Detail.SUMMARY

    def show(report: ChangesReport) -> None:
        if as_json:
            print_json(report.as_json())
        else:
            typer.echo(report.text(detail), nl=False)

    if since is not None:
        time = _moment(since)
        show(_of_ledger(stack, lambda ledger: changes_since(ledger, time)))
        return
    see = _seen_by_api if api else _seen_in_tree

    def work() -> Outcome:
        return _record(stack, see, show, accept=accept)

    end_with(stack, "changes", work, lock="changes", wait_s=wait, routine=True)


@changes.command(epilog="Examples: `regops changes at 2026-03-01` · `regops changes at yesterday --json`")
def at(
    context: typer.Context,
    time: Annotated[str, typer.Argument(help="As 2026-03-01, 2026-03-01T14:30, yesterday, 24h, 7d.")],
    *,
    as_json: Json = False,
) -> None:
    """Show which digest each tag named at a time."""
    from ops.tasks.changes.views import state_at

    moment = _moment(time)
    state = _of_ledger(stack_of(context), lambda ledger: state_at(ledger, moment))
    print_json(state.as_json()) if as_json else typer.echo(state.text(), nl=False)


@changes.command(epilog="Examples: `regops changes history team/app:v1` · `regops changes history library/nginx:1.27 --json`")
def history(
    context: typer.Context,
    tag: Annotated[str, typer.Argument(metavar="REPOSITORY:TAG")],
    *,
    as_json: Json = False,
) -> None:
    """Show what a tag has named, since when, and who changed it."""
    from ops.tasks.changes import views

    try:
        found = _of_ledger(stack_of(context), lambda ledger: views.history(ledger, tag))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    print_json(found.as_json()) if as_json else typer.echo(found.text(), nl=False)


def _seen_in_tree(stack: Stack) -> Scan:
    from ops.stack.registry import tree_of
    from ops.tasks.changes.tree_scan import scan_of_tree

    return scan_of_tree(tree_of(stack))


def _seen_by_api(stack: Stack) -> Scan:
    import time
    from contextlib import closing

    from ops.registry.client import Login, RegistryClient
    from ops.registry.transport import PooledEndpoint
    from ops.tasks.changes.api_scan import scan_of_registry

    config = stack.config
    login = Login(*(stack.secret(name) for name in ("registry_user", "registry_pass")))
    with closing(PooledEndpoint(config.url, config.ca, config.resolve)) as endpoint:
        return scan_of_registry(RegistryClient(endpoint, login, until=time.monotonic() + _PATIENCE_S))


def _record(stack: Stack, see: Callable[[Stack], Scan], show: Callable[[ChangesReport], None], *, accept: bool) -> Outcome:
    from ops.events.reader import EventCursor
    from ops.notify.notifier import Notifier
    from ops.notify.policy import AlertEvent
    from ops.runs.task import Outcome
    from ops.tasks.changes.announce import announcements
    from ops.tasks.changes.update import update

    events = stack.root / stack.config.events

    def work(ledger: Ledger) -> ChangesReport:
        report = update(ledger, lambda: see(stack), events=events if events.exists() else None, accept=accept)
        # After the ledger has them, and before it notes that they were told: told twice after a kill, but never not.
        if fresh := ledger.after(ledger.place(_NOTIFIER).seq):
            Notifier(stack).tell([AlertEvent(message) for message in announcements(fresh, stack.config.stack)])
            ledger.keep_place(_NOTIFIER, EventCursor(fresh[-1].seq))
        return report

    report = _of_ledger(stack, work)
    show(report)
    figures = {"tags": sum(map(len, report.state.values())), "repositories": len(report.state), "unknown": len(report.gaps)}
    return Outcome(report.exit_code, _summary(report), figures)


def _summary(report: ChangesReport) -> str:
    return report.text().rpartition("\n")[0].rpartition("\n")[2]


def _of_ledger(stack: Stack, work: Callable[[Ledger], T]) -> T:
    from contextlib import closing

    from ops.tasks.changes.ledger import Ledger

    with closing(Ledger(stack.data / LEDGER)) as ledger:
        return work(ledger)


def _moment(text: str) -> datetime:
    from ops.core.time_expressions import moment

    try:
        return moment(text, datetime.now().astimezone())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
