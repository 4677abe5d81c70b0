"""A stack's Prometheus, asked in its own container: it has no port on this host, and at the edge only browsers sign on.

API: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ops.core import exit_codes
from ops.core.process import CommandError, run
from ops.stack.places import container
from ops.stack.stack import Stack

SERVICE = "prometheus"
_API = "http://127.0.0.1:9090/prometheus/api/v1/query"
# Prometheus itself gives up first, so that it says why.
_QUERY_LIMIT_S, _ANSWER_LIMIT_S = 8, 15.0


class PrometheusError(Exception):
    """Prometheus cannot say; the message says why and what to do."""

    exit_code = exit_codes.UNREACHABLE


@dataclass(frozen=True)
class Series:
    """A series of an answer.

    Attributes:
        labels: Its labels.
        samples: Its values, each with its time in seconds since 1970, oldest first.
    """

    labels: Mapping[str, str]
    samples: Sequence[tuple[float, float]]


def measures(stack: Stack, *services: str) -> bool:
    """Whether a stack has Prometheus, and the services that measure for it."""
    return all(service in stack.config.services for service in (SERVICE, *services))


def ask(stack: Stack, expr: str, at: float) -> list[Series]:
    """Return the answer to an expression: one sample for each series, or all of a range.

    Args:
        stack: Whose Prometheus.
        expr: In PromQL.
        at: For which time, in seconds since 1970.

    Raises:
        PrometheusError: It does not run, does not answer in time, or does not understand it.
    """
    name = container(stack, SERVICE)
    url = f"{_API}?{urlencode({'query': expr, 'time': f'{at:.3f}', 'timeout': f'{_QUERY_LIMIT_S}s'})}"
    try:
        # What the health check of the container calls, too.
        told = run(["docker", "exec", name, "wget", "-q", "-O", "-", url], timeout=_ANSWER_LIMIT_S).stdout
        return [_series(one) for one in json.loads(told)["data"]["result"]]
    except CommandError as error:
        reason = str(error).rpartition("\n")[2] if error.completed else f"it gave no answer within {_ANSWER_LIMIT_S:g} s"
        raise PrometheusError(f"{name} does not answer ({reason}); `docker logs {name}` says why") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise PrometheusError(f"{name} answered something else than asked; `docker logs {name}` may say why") from error


def _series(found: Mapping[str, Any]) -> Series:
    samples = found["values"] if "values" in found else [found["value"]]
    return Series(found["metric"], [(float(at), float(value)) for at, value in samples])
