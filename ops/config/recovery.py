"""Setting of a recovery: which backup a registry that has nothing begins with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from ops.config.base import Strict

_LATEST = "latest"
# Below the folder of the tasks' own data: how far a recovery has come.
RECOVERY_FILE = "recovery.json"


def _in_utc(time: datetime) -> datetime:
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


class RecoverySettings(Strict):
    """Which backup it is: `latest`, the id of one, or `{at: 2026-03-01T14:30}`.

    Attributes:
        backup: The id of a backup, or the first characters of it; `latest` for the latest good one.
        at: The latest good one that was made by then, instead; in UTC, unless it says otherwise.
    """

    backup: Annotated[str, Field(pattern=r"^(latest|[0-9a-f]{6,64})$")] = _LATEST
    at: Annotated[datetime, AfterValidator(_in_utc)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _in_short(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"backup": given}
        if isinstance(given, int | float):
            raise ValueError("should be text: write the id of a backup in quotes")
        return given

    def __str__(self) -> str:
        """Name it as the settings do."""
        return f"at {self.at:%Y-%m-%dT%H:%MZ}" if self.at else self.backup
