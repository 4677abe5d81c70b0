"""Settings of the local place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from ops.config import Strict


class LocalSettings(Strict):
    """The local place.

    Attributes:
        root: Its folder; `.state/<stack>` if not set.
        user: The `uid:gid` that its services run as, which is never root's. If not set, it is whoever runs `up`.
    """

    root: Path | None = None
    user: Annotated[str, Field(pattern=r"^[1-9][0-9]*:[0-9]+$")] | None = None
