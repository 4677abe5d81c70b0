"""The program `regops`: its verbs, the options of all, and what each kind of error ends with."""

from __future__ import annotations

import errno
import logging
import signal
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ops.cli import bans, doctor, gc, history, status
from ops.cli.changes import changes
from ops.cli.notify import notify
from ops.cli.shared import say
from ops.cli.undo import undo
from ops.core import exit_codes, logs

# As in `ops.stack.stack`, which takes too long to import for somebody who wants help.
_ROOT_VARIABLE = "REGOPS_ROOT"


class LogFormat(StrEnum):
    """How progress and errors are written: for people, or as one JSON object a line."""

    TEXT = "text"
    JSON = "json"


_EPILOG = """\
Exit codes: 0 ok · 1 failed · 2 wrong use · 3 done with warnings · 10 configuration invalid · 12 verification mismatch ·
13 not reachable · 14 no space · 75 busy
"""

app = typer.Typer(
    name="regops",
    help="Look after a private registry, day by day.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def shared(
    context: typer.Context,
    root: Annotated[
        Path | None, typer.Option(envvar=_ROOT_VARIABLE, metavar="DIR", help="The stack's folder on this host.")
    ] = None,
    *,
    log_format: Annotated[LogFormat, typer.Option(help="Of progress and errors.")] = LogFormat.TEXT,
) -> None:
    """Look after a private registry, day by day."""
    context.obj = root
    if log_format is LogFormat.JSON:
        logs.configure(logging.INFO, sys.stderr)
    # It tells of each try again, with the whole address, and some addresses are secrets.
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)


app.command("doctor", epilog=doctor.EXAMPLES)(doctor.doctor)
app.command("status", epilog=status.EXAMPLES)(status.status)
app.add_typer(changes, name="changes")
app.add_typer(notify, name="notify")
app.command("gc", epilog=gc.EXAMPLES)(gc.gc)
app.add_typer(undo, name="undo")
app.command("who-is-banned", epilog=bans.WHO_EXAMPLES)(bans.who_is_banned)
app.command("unban", epilog=bans.UNBAN_EXAMPLES)(bans.unban)
app.command("history", epilog=history.EXAMPLES)(history.history)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    # So that what has to be undone on the way out is undone when the task is ended in good order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(exit_codes.TERMINATED))
    try:
        app(args=list(arguments) if arguments is not None else None, prog_name="regops")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except OSError as error:
        say(f"regops: {error}", level=logging.ERROR)
        return exit_codes.NO_SPACE if error.errno in (errno.ENOSPC, errno.EDQUOT) else 1
    except Exception as error:
        code = getattr(error, "exit_code", None)
        if not isinstance(code, int):
            raise  # a slip of this program: its trace is what its authors need
        say(f"regops: {error}", level=logging.ERROR)
        return code
    return 0
