"""Reports of drills are signed with a key that whoever shows them does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.backups.state import row_of
from ops.config import DRILL_KEY
from ops.credentials.keys import signing_key_from_seed
from ops.tasks.drill.proof import Proofs
from stack_components.console.component import service_args
from tests.plans import EVERYTHING, plan_of

REPORT = {"schema": 1, "at": "2026-03-01T04:05:06+00:00", "backup": "1a2b3c4d"}


@pytest.fixture
def proofs(tmp_path: Path) -> Proofs:
    return Proofs(tmp_path / "drills", tmp_path / "elsewhere" / "key.pem")


def test_a_report_is_signed_with_a_key_that_stays(proofs: Proofs) -> None:
    first = proofs.get(proofs.keep(REPORT))
    second = proofs.get(proofs.keep({**REPORT, "backup": "5e6f7a8b"}))
    assert first.key == second.key
    assert not list(proofs.folder.glob("*.pem"))
    assert proofs.key_file.stat().st_mode & 0o777 == 0o600


def test_a_key_that_was_among_the_reports_still_signs_and_is_there_no_more(proofs: Proofs) -> None:
    proofs.folder.mkdir()
    old = proofs.folder / "key.pem"
    old.write_text(signing_key_from_seed("f" * 64))
    assert proofs.get(proofs.keep(REPORT)).key == proofs.get().key
    assert proofs.key_file.read_text() == signing_key_from_seed("f" * 64)
    assert not old.exists()


def test_the_key_travels_in_backups_and_the_console_cannot_read_it() -> None:
    row = row_of(DRILL_KEY)
    assert row
    assert not row.skipped
    assert not any(Path(DRILL_KEY).is_relative_to(folder) for folder in service_args(plan_of(**EVERYTHING)).reads)
