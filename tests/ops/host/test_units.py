"""The host's services as systemd has printed them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.host import units
from ops.host.units import Unit, loaded_units, units_of

# As `systemctl show` of systemd 257 prints it.
SHOWN = """\
Id=docker.service
ActiveState=active
NRestarts=2
ExecMainStartTimestamp=@1764444000

Id=regops-gc.service
ActiveState=failed
NRestarts=0
ExecMainStartTimestamp=@1764445000

Id=regops-drill.service
ActiveState=inactive
NRestarts=0
ExecMainStartTimestamp=
"""


def test_each_paragraph_is_a_unit() -> None:
    assert units_of(SHOWN) == [
        Unit("docker.service", restarts=2, started=1764444000.0),
        Unit("regops-gc.service", failed=True, started=1764445000.0),
        Unit("regops-drill.service"),
    ]
    assert units_of("") == []


def test_without_systemd_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "SYSTEMD", tmp_path / "no-systemd")
    assert loaded_units() == ()


def test_a_systemd_that_does_not_answer_is_no_reason_to_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "SYSTEMD", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert loaded_units() == ()
