"""A stack on this host: its folder, its configuration in the current release, its secrets."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ops.config import REGOPS_FILE, ConfigError, RegopsConfig, load, read
from ops.core.layout import CURRENT, LIVE

ROOT_VARIABLE = "REGOPS_ROOT"
# The lock of tasks that work on the registry's tree.
STORAGE = "storage"


@dataclass(frozen=True)
class Stack:
    """A stack's folder.

    Attributes:
        root: The folder.
        from_container: Whether it is looked at from inside a container, to which the host's processes do not show, and the
            configuration as the copy that is changed while the container runs.
    """

    root: Path
    from_container: bool = False

    @cached_property
    def config(self) -> RegopsConfig:
        """Its configuration in the current release.

        Raises:
            ConfigError: It is missing or invalid.
        """
        path = self._config_file
        if not path.exists():
            raise ConfigError([f"{path}: is missing; run `up`, or name the stack's folder with --root or {ROOT_VARIABLE}"])
        return load(path, RegopsConfig)

    @cached_property
    def display_name(self) -> str:
        """What notifications call this registry: its identifier if one is set and can be read, else the stack's name."""
        name = self.config.identifier_secret
        with contextlib.suppress(ConfigError):
            return (self.secret(name).strip() if name else "") or self.config.stack
        return self.config.stack

    @property
    def _config_file(self) -> Path:
        part, _, file = REGOPS_FILE.partition("/")
        return self.root / LIVE / part / CURRENT / file if self.from_container else self.current / REGOPS_FILE

    @property
    def current(self) -> Path:
        """The current release."""
        return self.root / CURRENT

    @property
    def data(self) -> Path:
        """The folder for data of `regops`."""
        return self.root / self.config.data

    def lock_file(self, name: str) -> Path:
        """Return the file of a lock."""
        return self.data / "locks" / f"{name}.lock"

    def secret(self, name: str) -> str:
        """Return a secret.

        Raises:
            ConfigError: It cannot be read.
        """
        try:
            return read(self.root / "secrets" / name)
        except ConfigError as error:
            theirs = not os.access(self.root / "secrets", os.X_OK) and (self.root / "secrets").exists()
            remedy = "only root and the stack's own user can read secrets; try sudo" if theirs else "run `up` to restore it"
            raise ConfigError([*error.problems, remedy]) from None
