"""Tells people, or their logs, how far a verb has come and what went wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import typer

_log = logging.getLogger("regops")


def telling(steps: Mapping[str, str]) -> Callable[[str], None]:
    """Return what tells of a task's steps, by their names; of those that have no words it says nothing."""

    def tell(step: str) -> None:
        if text := steps.get(step):
            say(text)

    return tell


def say(text: str, *, level: int = logging.INFO) -> None:
    """Print to standard error, so that it mixes with no result; as a line of JSON when logs are JSON."""
    if _log.hasHandlers():
        _log.log(level, text)
    else:
        typer.echo(text, err=True)
