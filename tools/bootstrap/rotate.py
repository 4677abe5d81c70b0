"""Rotates a secret: counts its generation up in the stack's configuration, and runs `up` for each stage of its overlap."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from infra.blocks.rotation import AT_ONCE, FIRST, OVERLAPPING, Rotation, Stage, fault_of
from infra.paths import PROJECT_FOLDER
from infra.settings import PROJECT
from ops.core.process import run
from tools.bootstrap.configuration import keys_of, plain_values
from tools.bootstrap.errors import SetupError
from tools.bootstrap.passphrase import rotate_passphrase
from tools.bootstrap.session import Session

PASSPHRASE = "passphrase"  # noqa: S105  # what it is called
_TOLD = {
    Stage.ANNOUNCED: "the new one is accepted …",
    Stage.USED: "the new one is used …",
    Stage.DONE: "the old one ends …",
}
_UPDATE_S = 3600


class Rotating(Protocol):
    """A stack whose secrets can be rotated."""

    @property
    def config(self) -> Path:
        """Its configuration file."""

    def set(self, key: str, value: str) -> None:
        """Set a value in the configuration file, by its path."""

    def up(self) -> None:
        """Bring the stack to what the configuration says."""

    def passphrase(self) -> None:
        """Encrypt state and configuration with another passphrase."""


@dataclass(frozen=True)
class LocalRotation:
    """A local stack."""

    session: Session

    @property
    def config(self) -> Path:
        """Its configuration file."""
        return self.session.stack.config

    def set(self, key: str, value: str) -> None:
        """Set a value in the configuration file, by its path."""
        self.session.stack.prepare()
        self.session.stack.pulumi(["config", "set", "--path", key, value])

    def up(self) -> None:
        """Bring the stack to what the configuration says."""
        self.session.up()

    def passphrase(self) -> None:
        """Encrypt state and configuration with another passphrase."""
        rotate_passphrase(self.session.stack)


@dataclass(frozen=True)
class ServerRotation:
    """A stack on a server, on which the operator's own `pulumi` works."""

    stack: str
    config: Path

    def set(self, key: str, value: str) -> None:
        """Set a value in the configuration file, by its path."""
        run(["pulumi", "config", "set", "--stack", self.stack, "--path", key, value], timeout=_UPDATE_S, cwd=PROJECT_FOLDER)

    def up(self) -> None:
        """Bring the stack to what the configuration says."""
        run(["pulumi", "up", "--stack", self.stack, "--yes"], timeout=_UPDATE_S, cwd=PROJECT_FOLDER, stream=True)

    def passphrase(self) -> None:
        """Refuse: only the operator knows where that is kept.

        Raises:
            SetupError: Always.
        """
        raise SetupError(
            "run `pulumi stack change-secrets-provider passphrase`, then put the new passphrase wherever the old one is, as in CI"
        )


def rotate(stack: Rotating, words: Sequence[str]) -> None:
    """Rotate one secret. If this is interrupted, the same command goes on.

    Args:
        stack: Whose.
        words: The name of the secret, as the only word.

    Raises:
        SetupError: There is no such secret, it is set in the configuration, or `up` fails.
    """
    name = words[0] if len(words) == 1 else ""
    if name == PASSPHRASE:
        stack.passphrase()
        return
    if not name or fault_of(name, FIRST):
        known = ", ".join([*OVERLAPPING, *AT_ONCE, "password-<account>", PASSPHRASE])
        raise SetupError(f"name one secret, as in `make rotate NAME=events_token`: {known}")
    if name in keys_of(stack.config):
        raise SetupError(
            f"{name} is set in {stack.config}: set another value with "
            f'`make pulumi ARGS="config set --secret {name}"`, then run `make up`'
        )
    for rotation in stages(name, _present(stack.config, name)):
        for key, value in rotation.model_dump(mode="json").items():
            stack.set(f'{PROJECT}:rotation["{name}"].{key}', str(value))
        sys.stderr.write(f"{name}, generation {rotation.generation}: {_TOLD[rotation.stage]}\n")
        stack.up()
    sys.stderr.write(f"{name} is new, and the old one no longer works\n")


def stages(name: str, present: Rotation) -> Sequence[Rotation]:
    """Return what the configuration says one after the other, until a secret is rotated; the rest if that has begun."""
    if name not in OVERLAPPING:
        return [Rotation(generation=present.generation + 1)]
    begun = present.stage is not Stage.DONE
    order = list(Stage)
    left = order[order.index(present.stage) :] if begun else order
    return [Rotation(generation=present.generation + (not begun), stage=stage) for stage in left]


def _present(config: Path, name: str) -> Rotation:
    given = plain_values(config).get("rotation") or {}
    try:
        return Rotation.model_validate(given.get(name) or {})
    except (ValidationError, AttributeError) as error:
        raise SetupError(f"{config}: rotation.{name} is wrong: {error}") from error
