"""A stack's Prometheus, asked in its own container: it has no port on this host, and at the edge only browsers sign on.

API: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ops.core import exit_codes
from ops.core.answers import UNEXPECTED, shown
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


class AnswerError(ValueError):
    """It is not what Prometheus' API answers, or says that something was wrong with the question."""


@dataclass(frozen=True)
class Series:
    """A series of an answer.

    Attributes:
        labels: Its labels.
        samples: Its values, each with its time in seconds since 1970, oldest first; one at least.
    """

    labels: Mapping[str, str]
    samples: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Alert:
    """An alert that fires: https://prometheus.io/docs/prometheus/latest/querying/api/#alerts ."""

    name: str
    severity: str
    summary: str
    to_do: str
    since: str


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
        return series_of(run(["docker", "exec", name, "wget", "-q", "-O", "-", url], timeout=_ANSWER_LIMIT_S).stdout)
    except CommandError as error:
        reason = str(error).rpartition("\n")[2] if error.completed else f"it gave no answer within {_ANSWER_LIMIT_S:g} s"
        raise PrometheusError(f"{name} does not answer ({reason}); `docker logs {name}` says why") from error
    except AnswerError as error:
        raise PrometheusError(f"{name} answered something else than asked; `docker logs {name}` may say why") from error


def series_of(told: str | bytes) -> list[Series]:
    """Return the series of an answer to a query.

    Raises:
        AnswerError: It is none.
    """
    with _as_its_api_has_it():
        return [_series(one) for one in json.loads(told)["data"]["result"]]


def alerts_of(told: str | bytes) -> list[Alert]:
    """Return the alerts that fire, of an answer about alerts.

    Raises:
        AnswerError: It is none.
    """
    with _as_its_api_has_it():
        return [_alert(one) for one in json.loads(told)["data"]["alerts"] if one["state"] == "firing"]


@contextlib.contextmanager
def _as_its_api_has_it() -> Iterator[None]:
    try:
        yield
    except UNEXPECTED as error:
        raise AnswerError("Prometheus answered something else than asked") from error


def _series(found: Mapping[str, Any]) -> Series:
    samples = found["values"] if "values" in found else [found["value"]]
    if not samples:
        raise LookupError("a series without samples")
    labels, read = found["metric"], [(float(at), float(value)) for at, value in samples]
    if not all(isinstance(text, str) for pair in labels.items() for text in pair) or not all(math.isfinite(at) for at, _ in read):
        raise ValueError("a series without labels or times")
    return Series(labels, read)


def _alert(found: Mapping[str, Any]) -> Alert:
    labels, annotations = found.get("labels", {}), found.get("annotations", {})
    return Alert(
        name=shown(str(labels.get("alertname", ""))),
        severity=shown(str(labels.get("severity", ""))),
        summary=shown(str(annotations.get("summary", ""))),
        to_do=shown(str(annotations.get("description", ""))),
        since=shown(str(found.get("activeAt", ""))),
    )
