"""`regops catalogue` on a catalogue of two entries, run in this process, without asking any upstream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from ops.cli.app import app

TEXT = """\
version: 1
sync:
  # databases
  - source: docker.io/library/postgres
    target: r.example.com/library/postgres
    type: repository
    tags:
      allow: ['1[67]\\.\\d+'] # both
    x-regops: {keep_last: 6}
  - source: quay.io/org/app:1.2
    target: r.example.com/org/app:1.2
    type: image
"""


@dataclass(frozen=True)
class Told:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


Run = Callable[..., Told]


def running(file: Path) -> Run:
    """Return what runs its verbs on a file."""

    def call(*words: str, stdin: str | None = None) -> Told:
        offline = ["--offline"] * (words[:1] in {("add",), ("edit",)})
        result = CliRunner().invoke(app, ["catalogue", *words, *offline, "--file", str(file)], input=stdin)
        code = getattr(result.exception, "exit_code", result.exit_code)
        if result.exception and not isinstance(result.exception, SystemExit) and code == 1:
            raise result.exception
        message = "" if isinstance(result.exception, SystemExit | None) else str(result.exception)
        return Told(code, result.stdout, result.stderr + message)

    return call
