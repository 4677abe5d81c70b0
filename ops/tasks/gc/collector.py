"""The registry's own collector, run on a copy of the tree: it says what is garbage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

from ops.core import exit_codes
from ops.core.process import CommandError, run


class CollectorError(Exception):
    """The registry's collector failed; nothing was deleted from the live tree. The message ends with its last output."""

    exit_code = exit_codes.FAILED


class Collector(Protocol):
    """Runs `registry garbage-collect` on a root directory, and waits until it ends."""

    def __call__(self, root: Path, *, delete_untagged: bool) -> None:
        """Delete the garbage from a copy.

        Raises:
            CollectorError: It failed.
        """

    def clear(self) -> None:
        """Stop and remove what a killed task left behind.

        Raises:
            CollectorError: That failed.
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
        """Do nothing: the program only works on the copy, which is deleted anyway."""


def words(delete_untagged: bool) -> list[str]:
    """Return the registry's arguments, without the path of its configuration."""
    return ["garbage-collect", "--quiet", *(["--delete-untagged"] if delete_untagged else [])]
