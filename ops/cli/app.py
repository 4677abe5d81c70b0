"""The program `regops`: its verbs, its options, and the exit code of each kind of error."""

from __future__ import annotations

import errno
import gc
import logging
import signal
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from ops.cli.lazy import LazyGroup, Verb
from ops.cli.say import say
from ops.core import exit_codes, logs

# As in `ops.stack.stack`, which takes too long to import for somebody who wants help.
_ROOT_VARIABLE = "REGOPS_ROOT"


class LogFormat(StrEnum):
    """How progress and errors are written: for people, or as one JSON object a line."""

    TEXT = "text"
    JSON = "json"


# Importing a verb makes tens of thousands of objects and no garbage: with Python's own threshold, 700, a sixth of the time of a
# short command goes into looking for some.
_OBJECTS_BEFORE_COLLECTION = 20_000

_EPILOG = """\
Exit codes: 0 ok · 1 failed · 2 wrong use · 3 done with warnings · 10 configuration invalid · 12 verification mismatch ·
13 not reachable · 14 no space · 75 busy
"""


class Verbs(LazyGroup):
    """All verbs, in the order of the help. Each help line is the first one of the verb's own help."""

    verbs: ClassVar = {
        "status": Verb("ops.cli.status:app", "Show on one screen whether all is well."),
        "doctor": Verb("ops.cli.doctor:app", "Find what is wrong, and say what to do about it."),
        "budget": Verb("ops.cli.budget:app", "Show how much of the error budget is spent, and by what."),
        "changes": Verb("ops.cli.changes:app", "Record and show which tags changed."),
        "gc": Verb("ops.cli.gc:app", "Delete blobs that no tag references."),
        "catalogue": Verb("ops.cli.catalogue:app", "List, edit and check what is mirrored."),
        "sync": Verb("ops.cli.sync:app", "Mirror what the catalogue names."),
        "mirror": Verb("ops.cli.mirror:app", "Copy one image, now, from any registry."),
        "mirror-report": Verb("ops.cli.mirror_report:app", "Show what mirrored images are used for."),
        "retention": Verb("ops.cli.retention:app", "Delete old tags."),
        "delete": Verb("ops.cli.delete:app", "Delete a tag."),
        "snapshot": Verb("ops.cli.snapshot:app", "List, create, delete and restore snapshots."),
        "undo": Verb("ops.cli.snapshot:undo", "Restore from the latest snapshot."),
        "backup": Verb("ops.cli.backup:app", "Back up the registry and the stack's state."),
        "backups": Verb("ops.cli.backup:backups", "List, show and compare backups, and remove old ones."),
        "drill": Verb("ops.cli.drill:app", "Try whether the backups can be restored."),
        "rehearse": Verb("ops.cli.rehearse:app", "Rehearse what may happen to the registry, on a copy."),
        "restore": Verb("ops.cli.restore:app", "Restore from a backup."),
        "recover": Verb("ops.cli.recover:app", "Recover a host that has lost everything."),
        "scrub": Verb("ops.cli.scrub:app", "Compare blobs on the disk with their digests."),
        "kit": Verb("ops.cli.kit:app", "Open and verify the recovery kit of a stack."),
        "export": Verb("ops.cli.export:app", "Export the registry as plain files."),
        "verify": Verb("ops.cli.backup:verifying", "Check that the backups are whole."),
        "who-is-banned": Verb("ops.cli.bans:who", "Show who is banned at the edge, and why."),
        "unban": Verb("ops.cli.bans:unban", "Lift the bans of an address or a network."),
        "notify": Verb("ops.cli.notify:app", "Deliver waiting messages, and test the channels."),
        "requests": Verb("ops.cli.requests:app", "Show and do what was asked for in the console."),
        "history": Verb("ops.cli.history:app", "Show which tasks ran, when, and how they ended."),
        "version": Verb("ops.cli.version:app", "Show the version, and the release that the stack runs."),
    }


app = typer.Typer(
    cls=Verbs,
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
    log_format: Annotated[LogFormat, typer.Option(help="Format of progress and errors.")] = LogFormat.TEXT,
) -> None:
    """Look after a private registry, day by day."""
    context.obj = root
    if log_format is LogFormat.JSON:
        logs.configure(logging.INFO, sys.stderr)
    # It logs each retry with the whole address, and some addresses are secrets.
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)
    # So that a task that is ended in good order cleans up on its way out.
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
            raise  # a bug: its authors need the traceback
        say(f"regops: {error}", level=logging.ERROR)
        return code
    return 0
