"""Tells people, or their logs, how far a verb has come and what went wrong."""

from __future__ import annotations

import logging

import typer

_log = logging.getLogger("regops")


def say(text: str, *, level: int = logging.INFO) -> None:
    """Print to standard error, so that it mixes with no result; as a line of JSON when logs are JSON."""
    if _log.hasHandlers():
        _log.log(level, text)
    else:
        typer.echo(text, err=True)
