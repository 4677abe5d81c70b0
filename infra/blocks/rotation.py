"""Settings of rotation: which generation of a generated secret is in use, and whether the one before is still accepted."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from ops.config import Strict

# The program's own key for the server. The others are called as in infra/secrets.py.
LOGIN_KEY = "login-key"
ACCOUNT_PREFIX = "password-"
# Those whose old value is used by something that runs while the new one is brought in: both are accepted for a while.
OVERLAPPING = ("alerts_token", "events_token", "token_signing_seed", LOGIN_KEY)
# Nothing keeps these but the services that are given them.
AT_ONCE = (
    "bouncer_key",
    "cache_password",
    "metrics_cache_password",
    "oauth2_cookie_secret",
    "registry_http_secret",
    "registry_pass",
    "retention_password",
    "script_password",
    "sign_on_token",
    "sync_password",
)


class Stage(StrEnum):
    """How far a rotation has got: the new value is accepted, then it is used and the old one still accepted, then it is alone."""

    ANNOUNCED = "announced"
    USED = "used"
    DONE = "done"


class Rotation(Strict):
    """How often a secret was rotated, and how far the last time.

    Attributes:
        generation: 1 for the value that was generated first.
        stage: Only secrets that need an overlap have other stages than `done`.
    """

    generation: Annotated[int, Field(ge=1, le=10_000)] = 1
    stage: Stage = Stage.DONE

    @model_validator(mode="after")
    def _has_one_before(self) -> Rotation:
        if self.generation == 1 and self.stage is not Stage.DONE:
            raise ValueError("generation 1 is the first, so there is nothing to rotate from; give a higher one")
        return self

    @property
    def used(self) -> int:
        """The generation in use."""
        return self.generation - 1 if self.stage is Stage.ANNOUNCED else self.generation

    @property
    def also_accepted(self) -> int | None:
        """The other generation that is accepted; None after the overlap."""
        if self.stage is Stage.DONE:
            return None
        return self.generation if self.stage is Stage.ANNOUNCED else self.generation - 1


FIRST = Rotation()


def generation_name(name: str, generation: int) -> str:
    """Return the name of the resource that generates a generation of a secret."""
    return name if generation == 1 else f"{name}-{generation}"


def fault_of(name: str, rotation: Rotation) -> str:
    """Return why a secret cannot be rotated like this; empty if it can."""
    if name in OVERLAPPING:
        return ""
    if name not in AT_ONCE and not name.startswith(ACCOUNT_PREFIX):
        return f"is no secret that can be rotated; those are {', '.join([*OVERLAPPING, *AT_ONCE])}, and {ACCOUNT_PREFIX}<account>"
    return "" if rotation.stage is Stage.DONE else "is rotated at once, so it has no stage; leave that out"
