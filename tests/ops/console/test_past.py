"""The past: changes between two times, what there was at one, what is new in each backup, and drills with RTO and RPO."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ops.tasks.changes.ledger import Ledger
from ops.tasks.changes.model import Change
from ops.tasks.changes.run import LEDGER
from ops.tasks.drill.model import DrillReport
from ops.tasks.drill.proof import proofs_of
from tests.ops.console.console_rig import HOSTILE, Browser, Furnished, before, console, furnished
from tests.ops.console.test_app import seen


@pytest.fixture
def stack(tmp_path: Path) -> Furnished:
    made = furnished(tmp_path)
    with closing(Ledger(made.stack.data / LEDGER)) as ledger, ledger.transaction():
        ledger.scanned(before(days=10), 0)
    return made


@pytest.fixture
def browser(stack: Furnished) -> Browser:
    return console(stack.root)


def day(days_ago: float) -> str:
    return f"{before(days=days_ago):%Y-%m-%dT%H:%M}"


def drilled(stack: Furnished, days_ago: float = 0, **more: Any) -> None:
    report = DrillReport(
        **{
            "at": before(days=days_ago).isoformat(timespec="seconds"),
            "stack": "test",
            "backup": "1a2b3c4d",
            "made_at": before().isoformat(),
            "image": "registry:3",
            "repositories": ["team/app", "library/alpine"],
            "tags": 4,
            "manifests": 6,
            "blobs": 12,
            "size": 5 * 2**20,
            "rate": 1e6,
            "rto_s": 84.0,
            "rpo_s": 3600.0,
            "moved": [],
            "gone": [],
            "files": 9,
            "databases": 2,
            "changed": 0,
            "problems": [],
            **more,
        }
    )
    proofs_of(stack.stack).keep(report.document())


def test_changes_between_two_times(browser: Browser) -> None:
    page = seen(browser.text(f"/changes?since={day(3)}&until={day(0.7)}"))
    assert "2 changes since" in page
    assert "library/alpine:latest" in page
    assert "team/gone" not in page
    assert "1 change since" in seen(browser.text(f"/changes?since={day(3)}&until={day(0.7)}&q=TEAM/app"))
    assert "1 change until" in seen(browser.text(f"/changes?until={day(5)}"))
    assert "3 changes since" in seen(browser.text("/changes?since=7d"))


def test_what_there_was_at_a_time_and_what_became_of_it(browser: Browser) -> None:
    page = browser.text(f"/changes/at?time={day(1.5)}")
    assert "1 tag " in seen(page)
    assert re.search(r"library/alpine:latest sha256:\w+ the same", seen(page))
    assert re.search(r"library/alpine:latest sha256:\w+ sha256:\w+", seen(browser.text(f"/changes/at?time={day(4)}")))
    assert "2 tags" in seen(browser.text("/changes/at"))
    assert "1 tag " in seen(browser.text("/changes/at?q=team/"))
    assert "the ledger starts at" in seen(browser.text("/changes/at?time=30d"))


def test_a_tag_that_is_gone_since_is_told(stack: Furnished, browser: Browser) -> None:
    stack.record(Change("team/old", "v1", None, f"sha256:{'a' * 64}"), days_ago=3)
    assert re.search(r"team/old:v1 sha256:\w+ deleted", seen(browser.text(f"/changes/at?time={day(2.5)}")))


@pytest.mark.parametrize("path", ["/changes?since={}", "/changes?until={}", "/changes/at?time={}"])
@pytest.mark.parametrize("time", ["tomorrow", HOSTILE, "9999999d", "-1", "2026-13-01", "0001-01-01"])
def test_what_is_no_time_is_told_and_is_text(browser: Browser, path: str, time: str) -> None:
    page = browser.text(path.format(time))
    assert "<script" not in page
    assert ("is not a time; write a date" in page) or time == "0001-01-01"


def test_without_a_ledger_that_is_said(tmp_path: Path) -> None:
    Furnished(tmp_path)
    assert "There is no ledger yet" in seen(console(tmp_path).text("/changes/at"))


def test_each_backup_says_what_is_new_in_it_and_leads_to_that(stack: Furnished, browser: Browser) -> None:
    for days_ago, summary in ((1.5, "first"), (0.75, "second"), (0.6, "third")):
        stack.ran("backup", minutes_ago=days_ago * 1440, summary=summary)
    stack.ran("backup", minutes_ago=9, summary="cut off", exit_code=1)
    page = browser.text("/backups")
    rows = re.findall(r'data-label="Since the one before">(.*?)</td>', page)
    assert [seen(row) for row in rows] == ["nothing changed", "1 change", "the first that is known here"]
    (link,) = re.findall(r'href="(/changes\?[^"]+)"', rows[1])
    assert "team/app:v1" in seen(browser.text(link.replace("&amp;", "&")))


def test_drills_are_there_by_name_with_rto_and_rpo(stack: Furnished, browser: Browser) -> None:
    assert "There was none yet" in seen(browser.text("/backups"))
    drilled(stack, 7, rto_s=None, problems=[HOSTILE])
    drilled(stack)
    page = browser.text("/backups")
    assert 'id="drills">Drills</h2>' in page
    section = seen(page.partition('id="drills">')[2].partition("<h2>")[0])
    assert "ok 84 s 60 min 1a2b3c4d 4 tags of 2 repositories, 5.0 MiB" in section
    assert section.index("ok 84 s") < section.index("failed unknown 60 min")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_report_that_cannot_be_read_is_left_out(stack: Furnished, browser: Browser) -> None:
    drilled(stack)
    folder = proofs_of(stack.stack).folder
    for name, text in (("a", "{"), ("b", "[]"), ("c", '{"report": {"schema": 99}}'), ("d", '{"report": 3}')):
        (folder / f"{name}.json").write_text(text)
    assert browser.text("/backups").count('data-label="Drill"') == 1
