"""Runs steps at once where they do not depend on each other; the first that fails ends the others and is named."""

from __future__ import annotations

import contextvars
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import ContextVar
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from infra.progress import say, time_left
from ops.core.cancellation import EndedError, Scope, current_scope
from tools.offline.estimate import Estimate

CORES = os.cpu_count() or 1
_estimate: ContextVar[Estimate | None] = ContextVar("estimate", default=None)
_parent: ContextVar[str] = ContextVar("parent", default="")


@dataclass(frozen=True)
class Step:
    """One piece of work.

    Attributes:
        name: What it is for people, as in "building the base image".
        work: Called with the results of the steps that it comes after, by name.
        after: Names of the steps whose results it needs.
        work_s: Seconds of one core that it typically takes, for the time left; None where nobody can tell before its own steps
            are known.
    """

    name: str
    work: Callable[[Mapping[str, Any]], Any]
    after: tuple[str, ...] = ()
    work_s: float | None = None


def run_steps(steps: Sequence[Step], at_once: int) -> dict[str, Any]:
    """Run steps, several at once, each as soon as those are done that it comes after; return their results by name.

    Steps of one kind begin in the order in which they are given. Steps may run steps: they all belong to the outermost run.

    Args:
        steps: What to do.
        at_once: How many steps run at the same time.

    Raises:
        BaseException: What the first step that failed has raised. The others were ended by then: what runs in them by
            `ops.core.process.run` was told to end, and they began no other command.
    """
    scope = current_scope() or Scope()
    by_name = {step.name: step for step in steps}
    order = TopologicalSorter({step.name: step.after for step in steps})
    order.prepare()
    results: dict[str, Any] = {}
    failures: list[tuple[str, BaseException]] = []
    estimate = _estimate.get() or Estimate()
    estimate.add({step.name: step.work_s for step in steps}, within=_parent.get())
    running: dict[Future[Any], str] = {}
    with ThreadPoolExecutor(at_once) as pool, time_left(estimate.remaining), scope.current():
        try:
            while order.is_active() and not failures:
                for name in sorted(order.get_ready(), key=list(by_name).index):
                    context = contextvars.copy_context()
                    running[pool.submit(context.run, _run, by_name[name], results, scope, estimate)] = name
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    name = running.pop(future)
                    if error := future.exception():
                        failures.append((name, error))
                    else:
                        results[name] = future.result()
                        order.done(name)
        except BaseException:
            _stop(scope, running)
            raise
        if failures:
            _stop(scope, running)
            failures += [(name, error) for future, name in running.items() if (error := _error_of(future))]
    if failures:
        # Those that were ended say nothing about the reason.
        name, error = next(((name, error) for name, error in failures if not isinstance(error, EndedError)), failures[0])
        if not isinstance(error, EndedError) and len(steps) > 1:
            error.add_note(name)
        raise error
    return results


def _run(step: Step, results: Mapping[str, Any], scope: Scope, estimate: Estimate) -> object:
    scope.check()
    _estimate.set(estimate)
    _parent.set(step.name)
    estimate.began(step.name)
    result = step.work({name: results[name] for name in step.after})
    estimate.ended(step.name)
    return result


def _stop(scope: Scope, running: Mapping[Future[Any], str]) -> None:
    """End what runs and wait for it; a second Ctrl-C is not needed."""
    under_way = [name for future, name in running.items() if not future.cancel() and not future.done()]
    if under_way and not scope.ended:
        say(f"stopping: {', '.join(under_way)}")
    scope.end()
    wait([future for future in running if not future.cancelled()])


def _error_of(future: Future[Any]) -> BaseException | None:
    return None if future.cancelled() else future.exception()
