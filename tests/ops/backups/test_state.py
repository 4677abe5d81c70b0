"""What else travels in a backup: every folder of a stack has its row, and databases are copied whole while they are used."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from infra.ops_command import REMOVE_RELEASE
from infra.regops import FOLDERS, METRICS_FOLDER
from ops.backups.state import ROWS, row_of, take_state
from ops.config import ACCESS_LOG_FOLDER, READ_ONLY_FOLDER, REGOPS_FILE
from tests.plans import CATALOGUE, EVERYTHING, MIRROR, plan_of, plan_with
from tests.stack_components.specs import SPECS

PLANS = [plan_of(**EVERYTHING), plan_with(CATALOGUE, **EVERYTHING | {"sync": MIRROR})]
WRITTEN = {folder for spec in SPECS for plan in PLANS for folder in spec.folders(plan)}
OTHERS = {*FOLDERS, METRICS_FOLDER, ACCESS_LOG_FOLDER, READ_ONLY_FOLDER, *REMOVE_RELEASE[1:], "secrets", "live"}


@pytest.mark.parametrize("folder", sorted(WRITTEN | OTHERS))
def test_every_folder_of_a_stack_is_kept_or_left_out_for_a_reason(folder: str) -> None:
    assert row_of(folder), f"{folder}: is it in a backup, or why not? Say so in ops/backups/state.py"


def test_what_nobody_has_thought_of_has_no_row() -> None:
    assert row_of("data/new") is None
    assert row_of("data/edges") is None
    assert len({row.path for row in ROWS}) == len(ROWS)


def kept_in(root: Path, files: dict[str, str]) -> tuple[str, list[str]]:
    for name, text in files.items():
        (root / "live" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "live" / name).write_text(text)
    digest, problems = take_state(root / "live", root / "copy")
    assert problems == []
    return digest, sorted(path.relative_to(root / "copy").as_posix() for path in (root / "copy").rglob("*") if path.is_file())


def test_what_is_kept_is_copied_and_nothing_else(tmp_path: Path) -> None:
    kept = ["data/edge/certificate.pem", "data/regops/history.jsonl", "data/regops/outbox/1.json", "secrets/cache/password"]
    left = ["data/prometheus/wal/1", "data/regops/locks/gc.lock", "data/new/file", "logs/edge/access.log"]
    digest, copied = kept_in(tmp_path, dict.fromkeys([*kept, *left, f"current/{REGOPS_FILE}"], "text"))
    assert copied == sorted([*kept, f"current/{REGOPS_FILE}"])
    again, _ = kept_in(tmp_path, {"data/regops/history.jsonl": "more", "logs/edge/access.log": "more"})
    assert again == digest, "what changes all the time is no reason for a new backup"
    changed, _ = kept_in(tmp_path, {"secrets/cache/password": "another"})
    assert changed != digest


def test_a_database_is_copied_with_what_is_in_its_log(tmp_path: Path) -> None:
    path = tmp_path / "live/data/gateway/events.db"
    path.parent.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(path)) as live:
        live.executescript("PRAGMA journal_mode = WAL; CREATE TABLE events (id); INSERT INTO events VALUES (1)")
        _, copied = kept_in(tmp_path, {})
    assert copied == ["data/gateway/events.db"], "and its log is not copied beside it"
    with contextlib.closing(sqlite3.connect(tmp_path / "copy" / copied[0])) as copy:
        assert copy.execute("SELECT id FROM events").fetchall() == [(1,)]


def test_what_cannot_be_copied_is_named(tmp_path: Path) -> None:
    path = tmp_path / "live/data/gateway/events.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"SQLite format 3\0 and then nothing that SQLite understands")
    _, problems = take_state(tmp_path / "live", tmp_path / "copy")
    assert len(problems) == 1
    assert "data/gateway/events.db cannot be copied" in problems[0]


def test_a_database_that_changed_in_its_write_ahead_log_alone_looks_changed(tmp_path: Path) -> None:
    """Its file has the same size and time then: restic would not read the copy, and keep what an earlier backup has."""
    database = tmp_path / "stack/data/regops/changes.db"
    database.parent.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(database)) as ledger:
        ledger.execute("PRAGMA journal_mode = WAL")
        ledger.execute("CREATE TABLE records (digest TEXT)")
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before, times = database.stat(), list[int]()
        for number in range(2):
            ledger.execute("INSERT INTO records VALUES (?)", (str(number),))
            ledger.commit()
            take_state(tmp_path / "stack", tmp_path / f"copy{number}")
            times.append((tmp_path / f"copy{number}/data/regops/changes.db").stat().st_mtime_ns)
        after = database.stat()
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size), "else this tests nothing"
    assert times[0] != times[1]
