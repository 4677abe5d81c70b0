"""Deliberate failures: the next requests of a kind are refused, delayed, or carried out without an answer."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tools.emulation.api.errors import ApiError

# https://docs.hetzner.cloud/reference/cloud#rate-limiting
RATE_LIMIT = 3600


@dataclass
class Fault:
    """What happens to some requests.

    Attributes:
        method: The method of the requests.
        path: A glob for their paths below the base URL.
        times: How many requests are left to fail.
        error: The error to answer instead of the result.
        headers: Headers of the answer.
        done: Whether the request is carried out anyway.
        hang_s: How long the request is delayed.
        closes: Whether the connection is closed without an answer.
    """

    method: str
    path: str
    times: int
    error: ApiError | None = None
    headers: dict[str, str] | None = None
    done: bool = False
    hang_s: float = 0.0
    closes: bool = False

    @property
    def prevents(self) -> bool:
        """Whether the request is not carried out."""
        return not self.done and (self.closes or self.error is not None)


class Faults:
    """Decides what fails next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def rate_limit(self, method: str, path: str, times: int = 1, *, retry_after_s: int = 1) -> None:
        """Answer that there were too many requests."""
        headers = {
            "Retry-After": str(retry_after_s),
            "RateLimit-Limit": str(RATE_LIMIT),
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": str(int(time.time()) + retry_after_s),
        }
        error = ApiError("rate_limit_exceeded", f"limit of {RATE_LIMIT} requests per hour reached")
        self._add(method, path, times, error=error, headers=headers)

    def unavailable(self, method: str, path: str, times: int = 1) -> None:
        """Answer that the API is unavailable (503)."""
        self._add(method, path, times, error=ApiError("unavailable", "the service is not available"))

    def refuse(self, method: str, path: str, error: ApiError, times: int = 1) -> None:
        """Answer an error."""
        self._add(method, path, times, error=error)

    def lose_answer(self, method: str, path: str, times: int = 1) -> None:
        """Carry out the request but answer with a timeout (504): both official clients retry."""
        error = ApiError("timeout", "the request could not be answered in time")
        self._add(method, path, times, error=error, done=True)

    def hang(self, method: str, path: str, seconds: float, times: int = 1) -> None:
        """Delay the request, then carry it out."""
        self._add(method, path, times, hang_s=seconds, done=True)

    def close(self, method: str, path: str, times: int = 1, *, after_s: float = 0.0, done: bool = False) -> None:
        """Close the connection without an answer, after some time."""
        self._add(method, path, times, closes=True, hang_s=after_s, done=done)

    def clear(self) -> None:
        """Stop all failures."""
        with self._lock:
            self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return what happens to a request, and count it as done."""
        with self._lock:
            for fault in self._faults:
                if fault.times > 0 and fault.method == method and fnmatchcase(path, fault.path):
                    fault.times -= 1
                    return fault
        return None

    def _add(self, method: str, path: str, times: int, **what: Any) -> None:
        with self._lock:
            self._faults.append(Fault(method, path, times, **what))
