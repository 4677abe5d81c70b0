"""Setting of a recovery: which backup a registry that has nothing begins with."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, model_validator

from ops.config.base import Strict

_LATEST = "latest"
# Below the folder of the tasks' own data: how far a recovery has come.
RECOVERY_FILE = "recovery.json"
_ID = re.compile(r"[0-9a-f]{6,64}")
_MEANT = "should be latest, the id of a backup in quotes, or {at: 2026-03-01T14:30}; `regops backups` lists them"


def _name(text: str) -> str:
    if text != _LATEST and not _ID.fullmatch(text):
        raise ValueError(_MEANT)
    return text


def _time(given: Any) -> Any:
    """Return a time as it was given. Numbers would be taken for seconds since 1970."""
    try:
        return given if isinstance(given, date) else datetime.fromisoformat(given)
    except (TypeError, ValueError):
        raise ValueError("should be a time, such as 2026-03-01T14:30") from None


def _in_utc(time: datetime) -> datetime:
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


class RecoverySettings(Strict):
    """Which backup it is: `latest`, the id of one, or `{at: 2026-03-01T14:30}`.

    Attributes:
        backup: The id of a backup, or the first characters of it; `latest` for the latest good one.
        at: The latest good one that was made by then, instead; in UTC, unless it says otherwise.
    """

    backup: Annotated[str, AfterValidator(_name)] = _LATEST
    at: Annotated[datetime, BeforeValidator(_time), AfterValidator(_in_utc)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _in_short(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"backup": _name(given)}
        if not isinstance(given, dict | RecoverySettings):  # YAML takes digits for a number, and true and yes for neither
            raise ValueError(_MEANT)
        return given

    def __str__(self) -> str:
        """Name it as the settings do."""
        return f"at {self.at:%Y-%m-%dT%H:%MZ}" if self.at else self.backup
