"""Who says what is garbage: the registry's own collector, run on a copy of the tree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

from ops.core import exit_codes
from ops.core.process import CommandError, run


class CollectorError(Exception):
    """The registry's collector failed; nothing has gone from the live tree. The message has its last words."""

    exit_code = exit_codes.FAILED


class Collector(Protocol):
    """Runs `registry garbage-collect` on a root directory and waits for its end."""

    def __call__(self, root: Path, *, delete_untagged: bool) -> None:
        """Remove what is garbage from a copy.

        Raises:
            CollectorError: It failed.
        """

    def clear(self) -> None:
        """End and remove what a killed task left of it.

        Raises:
            CollectorError: That cannot be done.
        """


class BinaryCollector:
    """The registry's program on this machine."""

    def __init__(self, program: Path, *, limit_s: float = 3600.0) -> None:
        self._program = program
        self._limit_s = limit_s

    def __call__(self, root: Path, *, delete_untagged: bool) -> None:
        """See Collector."""
        config = root.parent / "config.yml"
        # JSON is YAML.
        config.write_text(json.dumps({"version": 0.1, "storage": {"filesystem": {"rootdirectory": str(root)}}}))
        try:
            run([self._program, *words(delete_untagged), config], timeout=self._limit_s, env={"OTEL_TRACES_EXPORTER": "none"})
        except CommandError as error:
            raise CollectorError(str(error)) from error

    def clear(self) -> None:
        """Leave it: a program that this one started reads and writes the copy alone, which is gone."""


def words(delete_untagged: bool) -> list[str]:
    """Return the registry's arguments, without its configuration."""
    return ["garbage-collect", "--quiet", *(["--delete-untagged"] if delete_untagged else [])]
