"""Which backup a recovery begins with, and what is said where that is not what somebody meant."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ops.config import RecoverySettings


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("latest", "latest"),
        ("1a2b3c4d", "1a2b3c4d"),
        ("12345678", "12345678"),
        ({"backup": "1a2b3c4d"}, "1a2b3c4d"),
        ({"at": "2026-03-01T14:30"}, "at 2026-03-01T14:30Z"),
        ({"at": "2026-03-01T14:30:00+02:00"}, "at 2026-03-01T12:30Z"),
        ({"at": "2026-03-01"}, "at 2026-03-01T00:00Z"),
    ],
)
def test_a_backup_is_named_or_a_time(given: Any, meant: str) -> None:
    settings = RecoverySettings.model_validate(given)
    assert str(settings) == meant
    assert RecoverySettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    "given", [True, False, 12345678, 1.5e10, ["latest"], "true", "yes", "LATEST", "1a2b", {"backup": "true"}]
)
def test_what_yaml_takes_for_something_else_is_told_with_what_would_be_right(given: Any) -> None:
    with pytest.raises(ValidationError, match=r"should be latest, the id of a backup in quotes, or \{at: 2026"):
        RecoverySettings.model_validate(given)


@pytest.mark.parametrize("at", ["soon", 20260301, 1.5, True, ["2026-03-01"]])
def test_a_time_is_no_number(at: Any) -> None:
    with pytest.raises(ValidationError, match="should be a time, such as 2026-03-01T14:30"):
        RecoverySettings.model_validate({"at": at})
