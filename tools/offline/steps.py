"""Runs steps side by side unless they depend on each other; the first that fails stops the others and is named."""

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
        name: What it provides, in words, such as "the base image".
        work: Called with the results of the steps that it comes after, by name.
        after: Names of the steps whose results it needs.
        work_s: CPU seconds that it typically takes, for the time left; None if that depends on steps of its own,
            which are not known yet.
    """

    name: str
    work: Callable[[Mapping[str, Any]], Any]
    after: tuple[str, ...] = ()
    work_s: float | None = None


def run_steps(steps: Sequence[Step], at_once: int) -> dict[str, Any]:
    """Run steps, several at once, each as soon as the steps that it depends on are done; return their results by name.

    Steps start in the order given, as far as their dependencies allow. A step may run steps: they belong to the outermost run.

    Args:
        steps: What to do.
        at_once: How many steps run at the same time.

    Raises:
        BaseException: The error of the first step that failed. By then the others have stopped: commands that they ran by
            `ops.core.process.run` were ended, and no others started.
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
        # Steps that were stopped say nothing about the reason.
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
    """Stop what is running and wait for it."""
    under_way = [name for future, name in running.items() if not future.cancel() and not future.done()]
    if under_way and not scope.ended:
        say(f"stopping: {', '.join(under_way)}")
    scope.end()
    wait([future for future in running if not future.cancelled()])


def _error_of(future: Future[Any]) -> BaseException | None:
    return None if future.cancelled() else future.exception()
