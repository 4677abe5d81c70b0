"""Which services run, as far as Prometheus has measured it: the console does not ask the Docker engine."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ops.console.prometheus import Sample

# Whose metrics Prometheus gets runs, and the cache if its exporter gets an answer. cAdvisor sees every container.
RUNNING = '{__name__=~"up|redis_up|container_last_seen"}'
_SEEN_S = 120.0


@dataclass(frozen=True)
class Running:
    """A service of the stack, and whether it runs; None if that is not known."""

    name: str
    runs: bool | None


def running(services: Iterable[str], stack: str, samples: Sequence[Sample] | None, *, surely: Iterable[str]) -> list[Running]:
    """Return which services run.

    Args:
        services: What should run.
        stack: The stack's name, with which the names of its containers begin.
        samples: The values of `RUNNING`; None if there is no answer.
        surely: Services without which nobody would have asked.
    """
    known = dict[str, bool]()
    for sample in samples or ():
        name, runs = _judged(sample, stack)
        known[name] = known.get(name, True) and runs
    known |= dict.fromkeys(surely, True)
    return [Running(name, known.get(name)) for name in sorted(services)]


def _judged(sample: Sample, stack: str) -> tuple[str, bool]:
    match sample.labels.get("__name__"):
        case "container_last_seen":
            return sample.labels.get("name", "").removeprefix(f"{stack}-"), sample.value > time.time() - _SEEN_S
        case "redis_up":
            return "cache", sample.value > 0
    return sample.labels.get("job", ""), sample.value > 0
