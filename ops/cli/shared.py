"""What verbs share: options, the stack that `--root` names, and how a task ends the program."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from ops.cli.say import say
from ops.config import ConfigError
from ops.stack.stack import ROOT_VARIABLE, STORAGE, Stack

__all__ = ["STORAGE", "Expect", "Json", "Wait", "end_with", "stack_of"]

if TYPE_CHECKING:
    from ops.runs.task import Outcome

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Wait = Annotated[float, typer.Option("--wait", metavar="SECONDS", help="How long to wait if another task is running.")]

Expect = Annotated[
    str, typer.Option("--expect", metavar="DIGEST", help="Only if the tag points to this now; `nothing` if there must be none.")
]


def stack_of(context: typer.Context) -> Stack:
    """Return the stack that `--root` names.

    Raises:
        BadParameter: No folder was given.
    """
    root = context.obj
    if not isinstance(root, Path):  # the callback of the program puts it there
        raise typer.BadParameter(f"give the stack's folder with it, or with {ROOT_VARIABLE}", param_hint="--root")
    stack = Stack(root)
    _share_files(stack)
    return stack


def _share_files(stack: Stack) -> None:
    """Let what root writes belong to the services' group: the console reads it. On a server `regops` is not root."""
    if os.geteuid() == 0:
        with contextlib.suppress(OSError, ConfigError):
            os.setegid(stack.data.stat().st_gid)


def end_with(
    stack: Stack, task: str, work: Callable[[], Outcome], *, lock: str | None = None, wait_s: float = 0.0, routine: bool = False
) -> NoReturn:
    """Run a task in its frame, and end the program as the task ended: see `ops.runs.task.run_task`."""
    # Verbs that only show something need none of what it imports: notifications, metrics, pings.
    from ops.runs.task import run_task  # noqa: PLC0415

    done = run_task(stack, task, work, lock_name=lock, wait_s=wait_s, routine=routine, warn=say)
    raise typer.Exit(done.exit_code)
