"""Asks Prometheus: the alerts that fire, and the values of queries. Without an answer it is unknown, never wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import urllib3

from ops.stack.prometheus import Alert, AnswerError, alerts_of, series_of

# People wait for the page.
_PATIENCE_S = 2.0
_NO_ANSWER = (urllib3.exceptions.HTTPError, AnswerError)


@dataclass(frozen=True)
class Sample:
    """One value of a query, with its labels."""

    labels: Mapping[str, str]
    value: float


class Prometheus:
    """A Prometheus, by its HTTP API."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(maxsize=8, timeout=urllib3.Timeout(_PATIENCE_S), retries=False)

    def alerts(self) -> list[Alert] | None:
        """Return the alerts that fire, the gravest first, without those that nobody acts on; None without an answer."""
        try:
            found = alerts_of(self._get("/api/v1/alerts"))
        except _NO_ANSWER:
            return None
        return sorted((one for one in found if one.severity != "none"), key=lambda one: (one.severity != "critical", one.since))

    def values(self, query: str) -> Sequence[Sample] | None:
        """Return the present values of a query; None without an answer."""
        try:
            return [Sample(one.labels, one.samples[-1][1]) for one in series_of(self._get("/api/v1/query", query=query))]
        except _NO_ANSWER:
            return None

    def value(self, query: str) -> float | None:
        """Return the one value of a query; None without an answer, or if there is none."""
        found = self.values(query)
        return found[0].value if found else None

    def _get(self, path: str, **fields: str) -> bytes:
        return self._pool.request("GET", self._url + path, fields=fields).data
