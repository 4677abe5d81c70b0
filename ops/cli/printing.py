"""Prints results: as JSON for programs, as text for people."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from typing import Any

import typer
from humanize import naturalsize

from ops.core.findings import Findings

SCHEMA = 1


def when(at: datetime) -> str:
    """Return a time for people, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}Z"


# A number of bytes for people.
size = partial(naturalsize, binary=True)


def print_json(values: dict[str, Any]) -> None:
    """Print a result for programs, with the version of its format."""
    typer.echo(json.dumps({"schema": SCHEMA, **values}))


def print_findings(findings: Findings) -> None:
    """Print what checks have found, for people. Problems go to standard error, so that a program's log shows them too."""
    for check in findings.checks:
        typer.echo(f"{check.state:9}{check.name}: {check.detail}", err=bool(check.remedy))
        if check.remedy:
            typer.echo(f"{'':9}remedy: {check.remedy}", err=True)
