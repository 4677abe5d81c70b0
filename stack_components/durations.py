"""Durations in Go's format."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

GoDuration = Annotated[str, Field(pattern=r"^([0-9]+(ms|s|m|h))+$")]
