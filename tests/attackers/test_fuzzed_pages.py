"""What browsers send to the console, of any content: a page or a refusal, and an action only from a page of ours."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.config import ACTION_REQUESTS, REQUEST_FILE, ActionRequest, request_folder
from ops.stack.access_log import access_log_of
from tests.attackers.fuzzing import damaged, in_bounded_time, json_bodies, texts
from tests.attackers.test_fuzzed_files import LINES
from tests.ops.console.console_rig import Browser, Furnished, console, furnished
from tests.ops.console.test_asking import ANN, HERE

ACTIONS = ("delete", "restore", "undo", "unban", "plan")
DIGEST = "sha256:" + "a" * 64
words = st.sampled_from(
    (
        "",
        "..",
        "../..",
        "library/alpine",
        "library/alpine:3.22",
        f"library/alpine@{DIGEST}",
        "a/" * 300,
        "a-" * 2_000,
        "9" * 5_000,
    )
) | texts.map(lambda text: text.encode("utf-8", "replace").decode())
pages = st.tuples(
    st.sampled_from(
        ("/images/", "/images", "/changes", "/mirror", "/backups", "/tasks", "/clients", "/bans", "/actions/", "/undo/", "/")
    ),
    words,
    st.dictionaries(st.sampled_from(("q", "page", "task", "days", "since", "run", "x")), words, max_size=3),
)
FORMS = tuple(
    urlencode(form).encode()
    for form in (
        {"action": "delete", "repository": "team/app", "tag": "v1", "expect": DIGEST, "do": "yes"},
        {"action": "restore", "repository": "team/app", "tag": "v1", "expect": "nothing", "before": "2026-03-01T12:00:00+00:00"},
        {"action": "undo", "snapshot": "20260301T120000.000000Z-gc"},
        {"action": "unban", "network": "192.0.2.7"},
        {"action": "plan", "task": "gc"},
    )
)
ORIGINS = ("http://console", "http://evil.example", "null", "http://[", "http://console@evil.example", "//console", "")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Furnished:
    made = furnished(tmp_path_factory.mktemp("console"))
    (made.root / request_folder(ACTION_REQUESTS)).mkdir(parents=True)
    return made


@pytest.fixture(scope="module")
def browser(stack: Furnished) -> Browser:
    return console(stack.root, actions=ACTIONS, operators=("ann@example.com",))


def asked(stack: Furnished) -> Path:
    return stack.root / request_folder(ACTION_REQUESTS) / REQUEST_FILE


@given(pages)
def test_any_address_is_a_page_or_is_none(browser: Browser, page: tuple[str, str, dict[str, str]]) -> None:
    path, rest, query = page
    with in_bounded_time():
        answer = browser.get(f"{path}{quote(rest) if path.endswith('/') else ''}?{urlencode(query)}")
    assert answer.status_code in {200, 303, 307, 404, 405}, answer.text


@given(json_bodies(*LINES))
def test_the_page_of_clients_shows_whatever_clients_sent(stack: Furnished, content: bytes) -> None:
    access_log_of(stack.stack).unlink(missing_ok=True)
    stack.requested(content.replace(b'": ', b'":') + b"\n")
    with in_bounded_time():
        answer = console(stack.root).get("/clients")
    assert answer.status_code == 200
    assert "<script>a" not in answer.text


@given(damaged(*FORMS) | st.sampled_from(FORMS) | st.binary(max_size=200))
def test_a_form_becomes_an_action_of_the_list_or_is_refused(stack: Furnished, browser: Browser, form: bytes) -> None:
    with in_bounded_time():
        answer = browser.post("/actions", form, **ANN, **HERE)
    if answer.status_code == 303:
        request = ActionRequest.model_validate_json(asked(stack).read_bytes())
        assert request.by == "ann@example.com"
        asked(stack).unlink()
    assert answer.status_code in {303, 400, 404}, answer.text
    assert not asked(stack).exists()


@given(st.sampled_from(ORIGINS) | texts, st.sampled_from(("", "cross-site", "none", "same-site", "same-origin")), st.booleans())
def test_no_other_site_asks_for_anything(stack: Furnished, browser: Browser, origin: str, site: str, operator: bool) -> None:
    headers = {"origin": origin.encode("ascii", "ignore").decode().translate(dict.fromkeys(range(32)))}
    headers |= {"sec-fetch-site": site} if site else {}
    answer = browser.post("/actions", FORMS[0], **(ANN if operator else {}), **headers)
    ours = site == "same-origin" or (not site and headers["origin"] in {"http://console", "//console"})
    assert answer.status_code == (303 if operator and ours else 403), answer.text
    assert asked(stack).exists() == (operator and ours)
    asked(stack).unlink(missing_ok=True)
