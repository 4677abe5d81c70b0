"""`regops requests`: what operators have asked for in the console, and doing it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import typer

from ops.cli.printing import print_json, when
from ops.cli.say import say
from ops.cli.shared import Json, stack_of
from ops.cli.tables import print_table
from ops.config import ActionRequest
from ops.core import exit_codes
from ops.runs.history import history_of
from ops.runs.output import begun_since, kept, output_file, outputs
from ops.runs.requests import RequestError, on_behalf_of, printable, take_action
from ops.runs.task import Outcome, run_task
from ops.stack.stack import Stack

EXAMPLES = "Examples: `regops requests` · `regops requests --json` · `regops requests run`"
# What refuses, in the history.
_TASK = "requests"
# What nobody asks for by hand within an hour.
MOST, _WITHIN_S = 120, 3600.0
# For how long an action waits for a task that is at work.
WAIT_S = "60"
_NEVER_WAITS = frozenset({"unban"})

app = typer.Typer(invoke_without_command=True, epilog=EXAMPLES, add_completion=False, rich_markup_mode=None)


@app.callback()
def show(context: typer.Context, *, as_json: Json = False) -> None:
    """Show and do what was asked for in the console.

    Without a verb, it lists what was asked for and what it printed last, the newest at the end.
    """
    if context.invoked_subcommand is not None:
        return
    found = outputs(stack_of(context))
    if as_json:
        rows = [
            {"run": run, "begun": one.begun, "about": one.about, "lines": one.lines, "exit_code": one.exit_code}
            for run, one in found
        ]
        print_json({"requests": rows})
        return
    print_table(
        ["begun", "by", "what", "exit", "last line"],
        [
            (
                when(datetime.fromtimestamp(one.begun, UTC)),
                one.about.get("by", ""),
                one.about.get("command", one.about.get("task", "")),
                "" if one.exit_code is None else one.exit_code,
                one.lines[-1] if one.lines else "",
            )
            for _, one in found
        ],
    )


@app.command("run", epilog="Examples: `regops requests run`")
def run_(context: typer.Context) -> None:
    """Do what was asked for in the console, if something waits.

    systemd calls this when the console has written it. What is on no list is dropped; that is a failure, in the history, too.
    """
    do_next(stack_of(context))


def do_next(stack: Stack) -> None:
    """Do what was asked for, if something waits.

    Raises:
        RequestError: It is on no list, or was refused; that is recorded, too.
    """
    try:
        request = take_action(stack)
        if request is not None:
            _check(stack, request)
    except RequestError as error:
        refused = error  # the name in the clause is gone when somebody calls this

        def refuse() -> Outcome:
            raise refused

        run_task(stack, _TASK, refuse, warn=say)
        return
    _tell_that_it_is_well(stack)
    if request is None:
        say("nothing was asked for")
    else:
        _do(stack, request)


def _check(stack: Stack, request: ActionRequest) -> None:
    path = output_file(stack, request.run)
    if path.exists() or any(run.run_id == request.run for run in history_of(stack).runs()):
        raise RequestError(f"there has been a run {request.run} already; what was asked for again was dropped")
    if begun_since(stack, time.time() - _WITHIN_S) >= MOST:
        raise RequestError(f"more than {MOST} actions were asked for within an hour; this one was dropped")


def _tell_that_it_is_well(stack: Stack) -> None:
    """End what was said of a request that was refused: it is told, and shows in the doctor, until another one is in order."""
    last = history_of(stack).last(_TASK)
    if last is not None and not last.went_well:
        run_task(stack, _TASK, lambda: Outcome(exit_codes.OK, "nothing was asked for that is on no list"), warn=say)


def _do(stack: Stack, request: ActionRequest) -> None:
    """Call `regops` with the words of an action, and keep what it prints: who asked reads there how it ended."""
    from ops.cli.app import main  # noqa: PLC0415  # it imports this file when somebody calls its verb

    words = [*request.words(), *([] if request.words()[0] in _NEVER_WAITS else ["--wait", WAIT_S])]
    about = {"by": printable(request.by), "command": " ".join(request.words()), "request": request.model_dump(mode="json")}
    with kept(stack, request.run, about) as ending, on_behalf_of(request.by, request.run):
        ending.exit_code = main(["--root", str(stack.root), *words])
