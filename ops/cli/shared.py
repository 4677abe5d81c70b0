"""What all verbs share: options, the stack's folder, and how results are printed."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from ops.core.findings import Findings
    from ops.runs.task import Outcome
    from ops.stack.stack import Stack

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Wait = Annotated[float, typer.Option("--wait", metavar="SECONDS", help="Wait for a task that is at work.")]
SCHEMA = 1
# What works on the registry's tree has this lock.
STORAGE = "storage"
_log = logging.getLogger("regops")
_THOUSAND = 1024


def stack_of(context: typer.Context) -> Stack:
    """Return the stack that `--root` names.

    Raises:
        BadParameter: It names none.
    """
    from ops.stack.stack import ROOT_VARIABLE, Stack

    root = context.obj
    if not isinstance(root, Path):  # the callback of the program puts it there
        raise typer.BadParameter(f"name the folder of the stack with it, or with {ROOT_VARIABLE}", param_hint="--root")
    return Stack(root)


def end_with(
    stack: Stack, task: str, work: Callable[[], Outcome], *, lock: str | None = None, wait_s: float = 0.0, routine: bool = False
) -> NoReturn:
    """Run a task in its frame, and end the program as the task ended: see `ops.runs.task.run_task`."""
    from ops.runs.task import run_task

    done = run_task(stack, task, work, lock_name=lock, wait_s=wait_s, routine=routine, warn=say)
    raise typer.Exit(done.exit_code)


def say(text: str, *, level: int = logging.INFO) -> None:
    """Tell of progress, where it is in the way of no result: as text, or as a line of JSON when logs are."""
    if _log.hasHandlers():
        _log.log(level, text)
    else:
        typer.echo(text, err=True)


def size(count: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < _THOUSAND:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= _THOUSAND
    return f"{count:.1f} TiB"


def print_json(values: dict[str, Any]) -> None:
    """Print a result for programs, with the version of its form."""
    typer.echo(json.dumps({"schema": SCHEMA, **values}))


def print_findings(findings: Findings) -> None:
    """Print what checks have found, for people. What is wrong goes where it is seen in the log of a program too."""
    for check in findings.checks:
        typer.echo(f"{check.state:9}{check.name}: {check.detail}", err=bool(check.remedy))
        if check.remedy:
            typer.echo(f"{'':9}remedy: {check.remedy}", err=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a result for people: as wide as the terminal, or as it is when it goes elsewhere."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False, padding=(0, 2))
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)
