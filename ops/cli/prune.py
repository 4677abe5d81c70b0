"""`regops backups prune` removes the backups that have been kept for long enough."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.cli.printing import print_json, when
from ops.cli.say import say, telling
from ops.cli.shared import Json, Wait, end_with, stack_of
from ops.runs.task import Outcome
from ops.tasks.prune.model import Pruned, Refusal
from ops.tasks.prune.run import prune as prune_

EXAMPLES = "Examples: `regops backups prune --dry-run` · `regops backups prune` · `regops backups prune --allow share --json`"
# What works on the repository of backups.
LOCK = "backup"
_STEPS = {"noted": "removing backups …", "forgotten": "removing what only they needed …"}
_FROM_STDIN = "-"


def prune(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be removed.")] = False,
    allow: Annotated[list[Refusal], typer.Option(help="Override this safety check.")] = [],  # noqa: B006
    key: Annotated[str, typer.Option(metavar="-", help="Read a key that may remove backups from standard input.")] = "",
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Remove the backups that have been kept for long enough.

    `backup.keep` says for how long. The latest good backup and suspicious ones always stay, and what can go stays for some more
    days (grace_days). Where the host's own key cannot remove backups, they are only counted: `make prune` on the operator's
    machine hands the host another key for the time of one run.

    Nothing is removed, unless --allow overrides it, if a backup is from a time to come (clock), if the latest good one is older
    than a week (age), or if too many are older than all rules reach back (share).
    """
    if key not in ("", _FROM_STDIN):
        raise typer.BadParameter("give the key by standard input: --key -")
    stack, given = stack_of(context), sys.stdin.read().strip() if key else ""
    if key and not given:
        raise typer.BadParameter("standard input has no key; `make prune` on the operator's machine gives it")

    def work() -> Outcome:
        with _key(given) if given else contextlib.nullcontext() as file:
            done = prune_(stack, telling(_STEPS), key=file, allowed=frozenset(allow), dry_run=dry_run)
        if as_json:
            print_json({"report": _document(done)})
        elif dry_run:
            _show(done)
        else:
            say(done.summary)
        figures = {"removed": done.removed, "waiting": done.waiting, "backups": done.plan.kept + done.waiting}
        return Outcome(done.exit_code, "" if dry_run else done.summary, figures)

    end_with(stack, "prune-plan" if dry_run else "prune", work, lock=LOCK, wait_s=wait, routine=dry_run)


@contextlib.contextmanager
def _key(text: str) -> Iterator[Path]:
    """Give a key as a file that is only in the memory of this process, so that no disk has it, and nothing is left of it."""
    if sys.platform != "linux":
        with tempfile.NamedTemporaryFile("w") as named:
            named.write(f"{text}\n")
            named.flush()
            yield Path(named.name)
        return
    with open(os.memfd_create("key"), "w") as file:  # noqa: PTH123  # it has no path of its own
        os.fchmod(file.fileno(), 0o600)
        file.write(f"{text}\n")
        file.flush()
        yield Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")


def _show(done: Pruned) -> None:
    plan = done.plan
    for one in plan.remove:
        say(f"would remove {one.name}, made {when(one.made_at)}")
    for name, at in plan.later.items():
        say(f"can go on {at:%Y-%m-%d}: {name[:8]}")
    for kind, reason in plan.refused.items():
        say(f"it would not start: {reason} ({kind})")
    say(f"would remove {len(plan.remove)} backups; {plan.kept} stay, {plan.suspicious} of them because they are suspicious")


def _document(done: Pruned) -> dict[str, Any]:
    plan = done.plan
    return {
        "remove": [one.name for one in plan.remove],
        "later": {name[:8]: at.isoformat(timespec="seconds") for name, at in plan.later.items()},
        "kept": plan.kept,
        "suspicious": plan.suspicious,
        "refused": dict(plan.refused),
        "removed": done.removed,
        "waiting": done.waiting,
    }
