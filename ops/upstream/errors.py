"""What can go wrong at an upstream registry, told apart by what helps."""

from __future__ import annotations

from enum import StrEnum

from ops.core.answers import shown


class Cause(StrEnum):
    """Why an upstream registry does not give what was asked for."""

    MISSING = "missing"
    """It has no such repository, or no such image in it."""
    REFUSED = "refused"
    """It refuses the account, or gives the repository to nobody without one. Some say so of what does not exist, too."""
    LIMITED = "limited"
    """Too much was asked for from here: it says to wait."""
    AWAY = "away"
    """It cannot be reached, does not answer in time, or has a problem of its own."""
    UNUSABLE = "unusable"
    """Its answer makes no sense, or would have to be fetched without TLS."""


class UpstreamError(Exception):
    """An upstream registry does not give what was asked for; the message says which, and why, and contains no secret.

    Attributes:
        cause: What kind of reason it is.
        retry_after_s: In how many seconds it wants to be asked again, if it says so.
    """

    def __init__(self, message: str, *, cause: Cause, retry_after_s: float | None = None) -> None:
        super().__init__(shown(message))
        self.cause = cause
        self.retry_after_s = retry_after_s

    @property
    def passes(self) -> bool:
        """Whether it may help to try again later."""
        return self.cause in {Cause.LIMITED, Cause.AWAY}

    def again(self) -> UpstreamError:
        """Return the same error, to be raised by another request that it holds for."""
        return UpstreamError(str(self), cause=self.cause, retry_after_s=self.retry_after_s)
