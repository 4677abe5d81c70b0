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

from ops.backups.recovery import RecoveryAwaitedError, is_awaited
from ops.core import exit_codes
from ops.core.locks import LockedError, lock
from ops.notify.notifier import Notifier
from ops.notify.outbox import OutboxError
from ops.runs import metrics
from ops.runs.due import BY_HAND, PERIODS_S, Missed, missed
from ops.runs.history import ENDED, NOT_STARTED, Run, history_of, process_mark
from ops.runs.marks import marks_of
from ops.runs.output import kept
from ops.runs.pings import Pings
from ops.runs.reports import event_of
from ops.runs.requests import asked, take
from ops.stack.stack import Stack

_SUMMARY_LENGTH = 300


# What would back up, collect or record half a registry. Somebody who restores by hand knows what for.
_WAITING = {*PERIODS_S, "export", "mirror"} - {"bans", "doctor", "notify"}
_READ_POINTERS = {"changes"}


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    Attributes:
        exit_code: See docs/schedule.md.
        summary: What it did, in one line.
        figures: What it measured, by name; these become metrics `regops_<task>_<name>`.
        told: Whether the task has itself reported what went wrong, or what it warns of.
    """

    exit_code: int
    summary: str
    figures: Mapping[str, float] = field(default_factory=dict)
    told: bool = False


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
        work: Does the work. An exception ends the task with its `exit_code`, or with 1 if it has none, and is raised again. If
            the code is 75, the task counts as not started, unless the exception has `done_by_other`. Its `figures` are measured.
        lock_name: The lock to hold meanwhile.
        wait_s: Seconds to wait for the lock.
        routine: It runs so often that its successes would fill the history: only failures are kept there.
        warn: Called with anything that went wrong around the task.

    Raises:
        RecoveryAwaitedError: The stack is about to be recovered, and the task would see half of it.
        LockedError: Somebody else holds the lock. If that is not another run of the same task, a scheduled task has
            missed its run, which is recorded.
        OSError: The lock's file cannot be written; that is recorded too.
    """
    frame = _Frame(stack, task, routine, warn)
    if task in _WAITING and is_awaited(stack, pointers_suffice=task in _READ_POINTERS):
        waits = RecoveryAwaitedError()
        frame.end(Outcome(exit_codes.BUSY, _line(waits)))
        raise waits
    with contextlib.ExitStack() as held:
        if lock_name:
            try:
                held.enter_context(lock(stack.lock_file(lock_name), task, patience=wait_s))
            except LockedError as error:
                if error.holder and error.holder.task == task:
                    frame.pings.log(str(error))  # that run does the same work, and reports how it ends
                elif task in PERIODS_S:  # whoever runs another one has typed it, and reads the error
                    frame.end(Outcome(exit_codes.BUSY, _line(error)))
                raise
            except OSError as error:
                frame.end(Outcome(exit_codes.of(error), _line(error)))
                raise
        return frame.run(work)


class _Frame:
    """The frame of one run: what is recorded and reported when it starts and ends."""

    def __init__(self, stack: Stack, task: str, routine: bool, warn: Callable[[str], None]) -> None:
        """Take the time. Nothing is recorded yet."""
        started, for_ = datetime.now(UTC), asked()
        self._stack, self._warn, self._asked_for_this = stack, warn, take(stack, task)
        self._run = Run(
            run_id=for_.run or f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
            task=task,
            started=started.isoformat(timespec="seconds"),
            process=process_mark(os.getpid()),
            by=self._asked_for_this or for_.by,
        )
        # Who asked for it looks for it in the history. A plan that was asked for has a page of its own.
        self._routine = routine and not self._asked_for_this
        self._began = time.monotonic()
        self.pings = Pings(stack.config.pings.get(task), warn)

    def run(self, work: Callable[[], Outcome]) -> Outcome:
        """Do the work, and record how it ends."""
        if not self._routine:
            with only_warning("the history", self._warn):
                history_of(self._stack).add(self._run)
        self.pings.start()
        outcome, by_other = Outcome(exit_codes.FAILED, "exited without a result"), False
        try:
            outcome = self._kept(work) if self._asked_for_this else work()
        except KeyboardInterrupt:
            outcome = Outcome(exit_codes.INTERRUPTED, "interrupted")
            raise
        except SystemExit as ended:
            outcome = Outcome(ended.code if isinstance(ended.code, int) else exit_codes.FAILED, "terminated")
            raise
        except BaseException as error:
            outcome = Outcome(exit_codes.of(error), _line(error), getattr(error, "figures", {}))
            by_other = bool(getattr(error, "done_by_other", False))
            raise
        finally:
            self.end(outcome, done_by_other=by_other)
        return outcome

    def _kept(self, work: Callable[[], Outcome]) -> Outcome:
        """Do the work, and keep what it prints for who asked for it."""
        with kept(self._stack, self._run.run_id, {"task": self._run.task, "by": self._run.by}) as ending:
            outcome = work()
            ending.exit_code = outcome.exit_code
        return outcome

    def end(self, outcome: Outcome, *, done_by_other: bool = False) -> None:
        """Record and report how it ended.

        Args:
            outcome: How.
            done_by_other: Whether somebody else's run has done the same work.
        """
        did_not_start = outcome.exit_code == exit_codes.BUSY and not done_by_other
        run = replace(
            self._run,
            state=NOT_STARTED if did_not_start else ENDED,
            seconds=round(time.monotonic() - self._began, 3),
            exit_code=outcome.exit_code,
            summary=outcome.summary,
            figures=outcome.figures,
        )
        stack, warn = self._stack, self._warn
        with only_warning("the history", warn):
            if not self._routine or outcome.exit_code != 0:
                history_of(stack).add(run)
            if run.task in PERIODS_S:
                marks_of(stack).tried(run.task, run.at, well=run.went_well)
        too_long = self._missed(run) if did_not_start else None
        with only_warning("notifications", warn):
            event = event_of(run, stack.display_name, too_long)
            if event and outcome.told:
                # It works, at least: that ends what a failure said.
                event = replace(event, ok=True) if run.went_well else None
            if event and (event.ok or run.task not in BY_HAND):
                Notifier(stack).tell([event])
        self._measure(run)
        if did_not_start and too_long is None:
            # No success, since nothing was done; and no failure yet, since somebody may just have pushed something large.
            self.pings.log(f"did not start: {run.summary}")
        else:
            self.pings.end(outcome.exit_code, outcome.summary)

    def _missed(self, run: Run) -> Missed | None:
        with only_warning("the history", self._warn):
            before = [one for one in history_of(self._stack).runs() if one.task == run.task and one.run_id != run.run_id]
            return missed(run.task, [*before, run], marks_of(self._stack).get(run.task))
        return None

    def _measure(self, run: Run) -> None:
        if self._stack.config.metrics:
            with only_warning("metrics", self._warn):
                metrics.write(
                    self._stack.root / self._stack.config.metrics,
                    run.task,
                    ended=time.time(),
                    seconds=run.seconds or 0.0,
                    exit_code=exit_codes.FAILED if run.exit_code is None else run.exit_code,
                    figures=run.figures,
                )


def _line(error: BaseException) -> str:
    """Return what an error says, in one line."""
    return " ".join(str(error).split())[:_SUMMARY_LENGTH] or type(error).__name__


@contextlib.contextmanager
def only_warning(what: str, warn: Callable[[str], None]) -> Iterator[None]:
    """Warn if something cannot be recorded or reported, and go on."""
    try:
        yield
    except (OSError, OutboxError, LockedError) as error:
        warn(f"{what} cannot be written: {error}")
