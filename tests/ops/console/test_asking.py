"""Tasks are asked for by operators, from our own pages, if they are on the list; the request is a file with their name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.config import REQUEST_FILE, USER_HEADER, request_folder
from ops.runs.history import RUNNING
from tests.ops.console.console_rig import Browser, Furnished, console, furnished
from tests.ops.console.test_app import seen

HERE = {"sec-fetch-site": "same-origin"}
ANN = {USER_HEADER: "ann@example.com"}


@pytest.fixture
def stack(tmp_path: Path) -> Furnished:
    made = furnished(tmp_path)
    for task in ("gc", "backup"):
        (made.root / request_folder(task)).mkdir(parents=True)
    return made


@pytest.fixture
def browser(stack: Furnished) -> Browser:
    return console(stack.root, offers=("gc", "backup"), operators=("ann@example.com",))


def request(stack: Furnished, task: str = "gc") -> Path:
    return stack.root / request_folder(task) / REQUEST_FILE


def test_an_operator_asks_and_sees_that_it_waits_and_then_runs(stack: Furnished, browser: Browser) -> None:
    page = browser.get("/tasks", **ANN).text
    assert page.count("<button>Run ") == 2
    answer = browser.get("/tasks/gc", method="POST", **ANN, **HERE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/tasks?task=gc")
    assert request(stack).read_text() == "ann@example.com\n"
    page = browser.get("/tasks?task=gc", **ANN).text
    assert "asked for" in page
    assert '<meta http-equiv="refresh" content="3">' in page
    request(stack).unlink()
    stack.ran("gc", minutes_ago=0, state=RUNNING)
    assert '<meta http-equiv="refresh"' in browser.get("/tasks?task=gc", **ANN).text
    assert '<meta http-equiv="refresh"' not in browser.get("/tasks?task=backup", **ANN).text


def test_a_page_without_a_task_at_work_is_not_loaded_again(browser: Browser) -> None:
    assert '<meta http-equiv="refresh"' not in browser.get("/tasks?task=gc", **ANN).text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({**HERE}, 403),
        ({USER_HEADER: "bob@example.com", **HERE}, 403),
        ({**ANN}, 403),
        ({**ANN, "sec-fetch-site": "cross-site"}, 403),
        ({**ANN, "sec-fetch-site": "same-site"}, 403),
        ({**ANN, "sec-fetch-site": "none"}, 403),
        ({**ANN, "origin": "https://evil.example"}, 403),
        ({**ANN, "origin": "null"}, 403),
        ({**ANN, "origin": "http://["}, 403),
        ({**ANN, "origin": "http://console", "sec-fetch-site": "cross-site"}, 403),
        ({**ANN, "origin": "http://console"}, 303),
    ],
)
def test_nobody_else_asks_and_no_other_site(stack: Furnished, browser: Browser, headers: dict[str, str], status: int) -> None:
    assert browser.get("/tasks/gc", method="POST", **headers).status_code == status
    assert request(stack).exists() is (status == 303)


@pytest.mark.parametrize("task", ["sync", "rm", "../regops", "gc.service", "", "gc/x"])
def test_what_is_not_on_the_list_cannot_be_asked_for(browser: Browser, task: str) -> None:
    assert browser.get(f"/tasks/{task}", method="POST", **ANN, **HERE).status_code in {404, 405, 307}


def test_where_only_the_operator_signs_on_whoever_is_there_may_ask(stack: Furnished) -> None:
    browser = console(stack.root, offers=("gc",))
    assert browser.get("/tasks/gc", method="POST", **{USER_HEADER: "admin"}, **HERE).status_code == 303
    request(stack).unlink()
    assert browser.get("/tasks/gc", method="POST", **HERE).status_code == 403


def test_others_see_no_buttons_and_who_asked_is_shown_as_text(stack: Furnished, browser: Browser) -> None:
    stack.ran("gc", minutes_ago=0, by="<i>ann</i>")
    page = browser.get("/tasks", **{USER_HEADER: "bob@example.com"}).text
    assert "<button>Run " not in page
    assert "(asked for by &lt;i&gt;ann&lt;/i&gt;)" in page
    assert "Run one now" not in seen(page)


def test_a_request_that_cannot_be_written_is_told(stack: Furnished, browser: Browser) -> None:
    folder = request(stack).parent
    folder.rmdir()
    folder.write_text("in the way")
    answer = browser.get("/tasks/gc", method="POST", **ANN, **HERE)
    assert answer.status_code == 500
    assert "cannot be shown" in answer.text
