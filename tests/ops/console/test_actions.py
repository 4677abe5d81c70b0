"""Actions: operators see a plan first, then do it; the request is on the host's list; what was printed is shown as text."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer

from ops.config import ACTION_REQUESTS, REQUEST_FILE, USER_HEADER, ActionRequest, request_folder
from ops.console.actions import sources
from ops.registry.index import index_of
from ops.registry.listing import listing_of
from ops.registry.snapshots.store import Snapshot, SnapshotStore
from ops.runs.history import Run
from ops.runs.output import kept, output_file
from ops.runs.requests import take_action
from ops.tasks.changes.model import Change, Kind, Record, Source
from tests.ops.console.console_rig import HOSTILE, Browser, Furnished, console, forms, furnished
from tests.ops.console.test_app import seen
from tests.ops.console.test_asking import ANN, HERE

ALL = ("delete", "restore", "undo", "unban", "plan")
BOB = {USER_HEADER: "bob@example.com"}
RUN = "20261129T224500-0123456789abcdef"
UNBAN = {"action": "unban", "network": "203.0.113.7"}


@pytest.fixture
def stack(tmp_path: Path) -> Furnished:
    made = furnished(tmp_path)
    for name in (ACTION_REQUESTS, "gc"):
        (made.root / request_folder(name)).mkdir(parents=True)
    return made


@pytest.fixture
def browser(stack: Furnished) -> Browser:
    return console(stack.root, offers=("gc", "backup"), actions=ALL, operators=("ann@example.com",))


def request(stack: Furnished) -> Path:
    return stack.root / request_folder(ACTION_REQUESTS) / REQUEST_FILE


def taken(stack: Furnished) -> ActionRequest:
    """What the host gets."""
    one = take_action(stack.stack)
    assert one is not None
    return one


def press(browser: Browser, page: str, button: str) -> str:
    """Press the only button of this name, as a browser does; return where that leads."""
    ((action, fields),) = forms(page, button)
    answer = browser.post(action, fields, **ANN, **HERE)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def ran(stack: Furnished, asked: ActionRequest, *lines: str, exit_code: int = 0) -> None:
    """Leave what the host leaves."""
    about = {"by": asked.by, "command": " ".join(asked.words()), "request": asked.model_dump(mode="json")}
    with kept(stack.stack, asked.run, about) as ending:
        for line in lines:
            typer.echo(line)
        ending.exit_code = exit_code


def test_a_tag_is_deleted_after_its_plan_was_shown(stack: Furnished, browser: Browser) -> None:
    page = press(browser, browser.get("/images/team/app:v1", **ANN).text, "Show what deleting it means")
    assert '<meta http-equiv="refresh" content="2">' in browser.get(page, **ANN).text
    assert "The host has been asked" in seen(browser.get(page, **ANN).text)
    planned = taken(stack)
    assert (planned.by, planned.dry_run, page) == ("ann@example.com", True, f"/actions/{planned.run}")
    assert planned.words()[:2] == ["delete", "team/app:v1"]
    ran(stack, planned, "to delete: team/app:v1")
    shown = browser.get(page, **ANN).text
    assert "refresh" not in shown
    assert "to delete: team/app:v1" in seen(shown)
    assert "Nothing has changed yet" in seen(shown)
    page = press(browser, shown, "Delete it")
    doing = taken(stack)
    assert (doing.dry_run, doing.what, doing.run != planned.run) == (False, planned.what, True)
    ran(stack, doing, "deleted team/app:v1")
    shown = browser.get(page, **ANN).text
    assert "deleted team/app:v1" in seen(shown)
    assert forms(shown, "Delete it") == [], "it is done"
    assert "Asked for by ann@example.com" in seen(shown)


def test_what_is_collected_is_shown_before_it_can_be_asked_for(stack: Furnished, browser: Browser) -> None:
    tasks = browser.get("/tasks", **ANN).text
    assert forms(tasks, "Run gc") == []
    assert len(forms(tasks, "Run backup")) == 1
    page = press(browser, tasks, "Show what gc would delete")
    planned = taken(stack)
    assert " ".join(planned.words()) == "gc --dry-run"
    ran(stack, planned, "to delete: 7 of 900 blobs", exit_code=3)
    assert press(browser, browser.get(page, **ANN).text, "Run gc") == "/tasks?task=gc"
    assert (stack.root / request_folder("gc") / REQUEST_FILE).read_text() == "ann@example.com\n"


@pytest.mark.parametrize(("exit_code", "offered"), [(0, 1), (3, 1), (1, 0), (10, 0), (75, 0)])
def test_only_what_was_planned_well_can_be_done(stack: Furnished, browser: Browser, exit_code: int, offered: int) -> None:
    ran(stack, ActionRequest.model_validate({"run": RUN, "by": "ann", "what": UNBAN}), "x", exit_code=exit_code)
    assert len(forms(browser.get(f"/actions/{RUN}", **ANN).text, "Unban")) == offered
    assert forms(browser.get(f"/actions/{RUN}", **BOB).text, "Unban") == [], "bob is no operator"


def test_a_former_image_is_given_back_from_a_snapshot_or_a_backup(stack: Furnished, browser: Browser) -> None:
    tag = "/images/library/alpine:latest"
    assert forms(console(stack.root, actions=ALL).get(tag, **ANN).text, "Give back") == [], "nothing has it"
    store = SnapshotStore(stack.root / "data/snapshots", stack.layout.tree)
    made = store.create("gc", index_of(listing_of(stack.layout.tree)))
    older = datetime.now(UTC) - timedelta(days=5)
    name = f"{older:%Y%m%dT%H%M%S.%fZ}-gc"
    manifest = made.folder / "snapshot.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "made_at": older.isoformat()}))
    made.folder.rename(made.folder.with_name(name))
    page = press(browser, browser.get(tag, **ANN).text, "Give back")
    planned = taken(stack)
    now = stack.layout.tree.tagged("library/alpine", "latest")
    assert " ".join(planned.words()) == f"snapshot restore {name} library/alpine:latest --overwrite --expect {now} --dry-run"
    ran(stack, planned, "set back: library/alpine:latest")
    press(browser, browser.get(page, **ANN).text, "Give it back")
    assert (taken(stack).what, forms(browser.get(tag, **BOB).text, "Give back")) == (planned.what, [])


def test_a_deleted_tag_is_given_back_from_a_backup(stack: Furnished, browser: Browser) -> None:
    stack.record(Change("library/alpine", "gone", None, f"sha256:{'1' * 64}"), days_ago=3)
    stack.record(Change("library/alpine", "gone", f"sha256:{'1' * 64}", None), days_ago=1)
    stack.ran("backup", minutes_ago=2 * 1440)
    repository = browser.get("/images/library/alpine", **ANN).text
    assert '<a href="/images/library/alpine:gone">' in repository
    press(browser, browser.get("/images/library/alpine:gone", **ANN).text, "Give back")
    words = taken(stack).words()
    assert words[:3] == ["restore", "library/alpine:gone", "--at"]
    assert words[-3:] == ["--expect", "nothing", "--dry-run"]


def test_from_where_a_tag_can_be_given_back_is_told_by_when(tmp_path: Path) -> None:
    def at(hours: float) -> datetime:
        return datetime(2026, 11, 29, tzinfo=UTC) + timedelta(hours=hours)

    digests = [f"sha256:{letter * 64}" for letter in "abc"]
    moves = [(0, None, digests[0]), (10, digests[0], digests[1]), (20, digests[1], None), (30, None, digests[2])]
    history = [
        Record(seq, at(hour), Change("a", "b", old, new), Kind.MOVED, Source.SCAN, None)
        for seq, (hour, old, new) in enumerate(moves)
    ]
    snapshots = [Snapshot(tmp_path / str(hour), at(hour), "gc") for hour in (9, 3, 25, 31)]
    backups = [Run(str(hour), "backup", at(hour).isoformat(), "ended", seconds=3600.0) for hour in (2, 12, 14, 19.5)]
    assert sources(history, digests[2], snapshots, backups) == {
        0: {"snapshot": "9", "expect": digests[2]},
        1: {"before": at(15).replace(second=1).isoformat(), "expect": digests[2]},
    }
    assert sources(history[:3], None, [], backups)[1]["expect"] == "nothing"
    assert sources(history[:1], digests[0], snapshots, backups) == {}, "it is that"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({**HERE}, 403),
        ({**BOB, **HERE}, 403),
        ({**ANN}, 403),
        ({**ANN, "sec-fetch-site": "cross-site"}, 403),
        ({**ANN, "sec-fetch-site": "same-site"}, 403),
        ({**ANN, "origin": "https://evil.example"}, 403),
        ({**ANN, "origin": "http://console"}, 303),
    ],
)
def test_nobody_else_asks_and_no_other_site(stack: Furnished, browser: Browser, headers: dict[str, str], status: int) -> None:
    assert browser.post("/actions", UNBAN, **headers).status_code == status
    assert request(stack).exists() is (status == 303)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"action": "rm"}, 400),
        ({}, 400),
        ({"action": "unban", "network": "--all"}, 400),
        ({**UNBAN, "by": "root"}, 400),
        ({"action": "delete", "repository": "a", "tag": "../b", "expect": f"sha256:{'0' * 64}"}, 400),
        (b"\xff\xfe=1", 400),
        (b"action=unban&network=203.0.113.7&" + b"&".join(b"a=1" for _ in range(50)), 400),
        (b"a=" + b"b" * 100_000, 413),
    ],
)
def test_what_is_on_no_list_is_refused(stack: Furnished, browser: Browser, form: dict[str, str], status: int) -> None:
    assert browser.post("/actions", form, **ANN, **HERE).status_code == status
    assert list(request(stack).parent.iterdir()) == []


def test_what_the_host_does_not_do_is_not_asked_of_it(stack: Furnished) -> None:
    browser = console(stack.root, actions=("delete",))
    assert browser.post("/actions", UNBAN, **ANN, **HERE).status_code == 404
    nothing = console(stack.root, command="bin/regops")
    page = nothing.get("/images/team/app:v1", **ANN).text
    assert forms(page, "Show what deleting it means") == []
    assert "bin/regops delete team/app:v1 --dry-run" in page


def test_while_one_waits_another_one_is_refused(stack: Furnished, browser: Browser) -> None:
    def ask(network: str) -> int:
        return browser.post("/actions", {"action": "unban", "network": network}, **ANN, **HERE).status_code

    assert [ask("203.0.113.7"), ask("203.0.113.8")] == [303, 409]
    assert taken(stack).words()[1] == "203.0.113.7"
    assert list(request(stack).parent.iterdir()) == [], "nothing of the other one is left"
    assert ask("203.0.113.8") == 303


def test_what_is_in_the_way_is_not_written_through(stack: Furnished, browser: Browser) -> None:
    elsewhere = stack.root / "elsewhere"
    request(stack).symlink_to(elsewhere)
    assert browser.post("/actions", UNBAN, **ANN, **HERE).status_code == 409
    assert not elsewhere.exists()


def test_lines_are_shown_while_it_works_and_as_text(stack: Furnished, browser: Browser) -> None:
    with kept(stack.stack, RUN, {"by": HOSTILE, "task": HOSTILE}):
        typer.echo(f"at work on {HOSTILE}")
        page = browser.get(f"/actions/{RUN}", **BOB).text
    assert '<meta http-equiv="refresh" content="2">' in page
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 3
    assert '<meta http-equiv="refresh"' not in browser.get(f"/actions/{RUN}").text


def test_one_that_was_killed_is_not_waited_for(stack: Furnished, browser: Browser) -> None:
    file = output_file(stack.stack, RUN)
    file.parent.mkdir()
    file.write_text(json.dumps({"head": {"begun": datetime.now(UTC).timestamp() - 3 * 3600, "about": {}}}) + "\n")
    page = browser.get(f"/actions/{RUN}").text
    assert "it was killed" in seen(page)
    assert "refresh" not in page


@pytest.mark.parametrize("run", [RUN, "20200101T000000-0000", "x", "..%2F..%2Fhistory"])
def test_of_what_is_long_gone_nothing_is_waited_for(browser: Browser, run: str) -> None:
    page = browser.get(f"/actions/{run}")
    assert '<meta http-equiv="refresh"' not in page.text


def test_the_history_leads_to_what_was_printed(stack: Furnished, browser: Browser) -> None:
    stack.ran("delete", by="ann@example.com", summary="deleted team/app:v1")
    assert re.search(r'<a href="/actions/[0-9T]+-delete">output</a>', browser.get("/tasks", **ANN).text)
