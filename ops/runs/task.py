"""The frame around every task: lock, history, metrics, pings, notifications, and an exit code for every way it can end."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ops.core import exit_codes
from ops.core.locks import LockedError, lock
from ops.notify.notifier import Notifier
from ops.notify.outbox import OutboxError
from ops.runs import metrics
from ops.runs.history import ENDED, History, Run, process_mark
from ops.runs.pings import Pings
from ops.runs.reports import event_of
from ops.stack.stack import Stack

_SUMMARY_LENGTH = 300


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    Attributes:
        exit_code: See docs/schedule.md.
        summary: What it did, in one line.
        figures: What it measured, by name; these become metrics `regops_<task>_<name>`.
    """

    exit_code: int
    summary: str
    figures: Mapping[str, float] = field(default_factory=dict)


def history_of(stack: Stack) -> History:
    """Return the history of a stack."""
    return History(stack.data / "history.jsonl")


def run_task(
    stack: Stack,
    task: str,
    work: Callable[[], Outcome],
    *,
    lock_name: str | None = None,
    wait_s: float = 0.0,
    routine: bool = False,
    warn: Callable[[str], None] = lambda text: print(text, file=sys.stderr),  # noqa: T201
) -> Outcome:
    """Run a task in its frame. If something cannot be recorded, that is only a warning.

    Args:
        stack: The stack it belongs to.
        task: Its name.
        work: Does the work. An exception ends the task with its `exit_code`, or with 1 if it has none, and is raised again.
        lock_name: The lock to hold meanwhile.
        wait_s: Seconds to wait for the lock.
        routine: It runs so often that its successes would fill the history: only failures are kept there.
        warn: Called with anything that went wrong around the task.

    Raises:
        LockedError: Another task holds the lock.
    """
    pings = Pings(stack.config.pings.get(task), warn)
    try:
        with lock(stack.lock_file(lock_name), task, patience=wait_s) if lock_name else contextlib.nullcontext():
            return _recorded(stack, task, work, pings, warn, routine=routine)
    except LockedError as error:
        pings.log(str(error))
        raise


def _recorded(
    stack: Stack, task: str, work: Callable[[], Outcome], pings: Pings, warn: Callable[[str], None], *, routine: bool
) -> Outcome:
    started = datetime.now(UTC)
    run = Run(
        run_id=f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
        task=task,
        started=started.isoformat(timespec="seconds"),
        process=process_mark(os.getpid()),
    )
    history = history_of(stack)
    if not routine:
        with _only_warning("the history", warn):
            history.add(run)
    pings.start()
    began = time.monotonic()
    outcome = Outcome(exit_codes.FAILED, "exited without a result")
    try:
        outcome = work()
    except KeyboardInterrupt:
        outcome = Outcome(exit_codes.INTERRUPTED, "interrupted")
        raise
    except SystemExit as ended:
        outcome = Outcome(ended.code if isinstance(ended.code, int) else exit_codes.FAILED, "terminated")
        raise
    except BaseException as error:
        said = " ".join(str(error).split())[:_SUMMARY_LENGTH]
        outcome = Outcome(int(getattr(error, "exit_code", exit_codes.FAILED)), said or type(error).__name__)
        raise
    finally:
        seconds = round(time.monotonic() - began, 3)
        finished = replace(
            run,
            state=ENDED,
            seconds=seconds,
            exit_code=outcome.exit_code,
            summary=outcome.summary,
            figures=outcome.figures,
        )
        if not routine or outcome.exit_code != 0:
            with _only_warning("the history", warn):
                history.add(finished)
        with _only_warning("notifications", warn):
            if event := event_of(finished, stack.display_name):
                Notifier(stack).tell([event])
        if stack.config.metrics:
            with _only_warning("metrics", warn):
                metrics.write(
                    stack.root / stack.config.metrics,
                    task,
                    ended=time.time(),
                    seconds=seconds,
                    exit_code=outcome.exit_code,
                    figures=outcome.figures,
                )
        pings.end(outcome.exit_code, outcome.summary)
    return outcome


@contextlib.contextmanager
def _only_warning(what: str, warn: Callable[[str], None]) -> Iterator[None]:
    try:
        yield
    except (OSError, OutboxError, LockedError) as error:
        warn(f"{what} cannot be written: {error}")
