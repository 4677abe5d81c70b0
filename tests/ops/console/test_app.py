"""The console's pages: what people look for is on them, what is hostile is text, and what is not there is said."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from ops.config import REGOPS_FILE, USER_HEADER, ServiceLimits, render
from ops.console.base import NAVIGATION
from ops.console.headers import POLICY
from ops.console.images import Images
from ops.console.paging import PER_PAGE
from ops.core.files import write_atomic
from ops.events.alert_inbox import AlertInbox
from tests.ops.console.console_rig import HOSTILE, REGISTRY, Browser, Furnished, console, furnished

LIBRARY = "/images/library/alpine"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Furnished:
    made = furnished(tmp_path_factory.mktemp("stack"))
    made.backed_up()
    return made


@pytest.fixture(scope="module")
def browser(stack: Furnished) -> Browser:
    return console(stack.root, links={"Grafana": "/grafana/"})


def seen(html: str) -> str:
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


@pytest.mark.parametrize("path", NAVIGATION)
def test_every_page_of_the_navigation_is_there_and_says_which_it_is(browser: Browser, path: str) -> None:
    page = browser.text(path)
    assert page.count('aria-current="page"') == 1
    assert f'href="{path}" aria-current="page">{NAVIGATION[path]}' in page
    assert page.count("<h1>") == 1
    assert "<script" not in page
    assert 'href="/grafana/"' in page


@pytest.mark.parametrize("path", [*NAVIGATION, "/nothing", "/console/style.css"])
def test_nothing_may_run_be_framed_or_be_kept(browser: Browser, path: str) -> None:
    headers = browser.get(path).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == ("max-age=300" if path.endswith(".css") else "no-store")


def test_a_repository_and_its_tags_are_two_clicks_away(browser: Browser) -> None:
    assert f'href="{LIBRARY}"' in browser.text("/images")
    page = browser.text(LIBRARY)
    assert f'href="{LIBRARY}:3.22"' in page
    assert "linux/amd64, linux/arm64" in page


def test_search_finds_by_words_and_leads_to_references(browser: Browser) -> None:
    found = seen(browser.text("/images?q=ALP+lib"))
    assert "library/alpine" in found
    assert "team/app" not in found
    assert "No repository matches" in seen(browser.text("/images?q=nope"))
    assert "3.22" in seen(browser.text(f"{LIBRARY}?q=22"))
    assert "latest" not in seen(browser.text(f"{LIBRARY}?q=22")).replace("the last", "")
    answer = browser.get("/images?q=library/alpine:3.22")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{LIBRARY}:3.22")


def test_a_search_leads_to_no_other_site(browser: Browser) -> None:
    for asked in ("//evil.example:80", "https://evil.example", "/\\evil.example:1"):
        location = browser.get("/images").headers.get("location")
        assert location is None
        answer = browser.get(f"/images?q={asked}")
        assert answer.headers.get("location", "/images/").startswith("/images/")


def test_a_tag_says_what_it_is_where_it_came_from_and_how_it_is_pulled(browser: Browser) -> None:
    page = seen(browser.text(f"{LIBRARY}:latest"))
    assert f"docker pull {REGISTRY}/library/alpine:latest" in page
    assert f"docker pull {REGISTRY}/library/alpine@sha256:" in page
    assert "linux/arm64" in page
    assert page.index("2 days ago") < page.index("9 days ago")
    assert "regops restore library/alpine:latest --at 7d --overwrite --dry-run" in page


def test_a_former_image_of_a_tag_that_is_still_here_has_a_page(browser: Browser) -> None:
    links = re.findall(rf'href="({LIBRARY}@sha256:[0-9a-f]+)"', browser.text(f"{LIBRARY}:latest"))
    assert len(links) == 4  # two platforms, and two that the tag led to
    for link in links:
        assert "docker pull" in browser.text(link)


def test_an_image_shows_its_layers_configuration_and_signatures(browser: Browser) -> None:
    page = seen(browser.text("/images/team/app:v1"))
    for expected in ("Layers", "COPY . /app", "PATH=/bin", "Command sh", "What refers to it sig", "2026-11-01T10:00:00Z"):
        assert expected in page


def test_an_artifact_says_what_it_is_and_what_it_holds(browser: Browser) -> None:
    page = seen(browser.text("/images/charts/web:1.0.0"))
    assert "Kind application/vnd.cncf.helm.chart" in page
    assert "web.tgz" in page


def test_a_deleted_tag_still_has_its_history(browser: Browser) -> None:
    page = seen(browser.text("/images/team/gone:v9"))
    assert "This tag was deleted" in page
    assert "removed" in page
    assert "alice" in page


def test_changes_are_there_by_day_and_by_name(browser: Browser) -> None:
    week = seen(browser.text("/changes"))
    assert "3 changes" in week
    assert week.index("team/gone:v9") < week.index("team/app:v1") < week.index("library/alpine:latest")
    assert "4 changes" in seen(browser.text("/changes?days=30"))
    assert "1 change," in seen(browser.text("/changes?days=30&q=team/app"))


def test_home_says_what_is_wrong_and_what_to_do(browser: Browser) -> None:
    page = seen(browser.text("/"))
    assert "The registry does not answer: pulls and pushes fail." in page
    assert "regops doctor finds the reason" in page
    assert "All of it back in 84 s (RTO), at most 60 min lost (RPO)" in page
    assert "deleted 3 blobs, freed 5 MB" in page


def test_commands_are_called_as_this_host_calls_them(stack: Furnished) -> None:
    page = seen(console(stack.root, command="bin/regops").text("/"))
    assert "bin/regops doctor finds the reason" in page
    assert " regops doctor" not in page


def test_tasks_and_backups_show_what_ran(browser: Browser) -> None:
    assert "deleted 3 blobs, freed 5 MB" in seen(browser.text("/tasks?task=gc"))
    assert "all is well" not in seen(browser.text("/tasks?task=gc"))
    assert "1a2b3c4d" in seen(browser.text("/backups"))


@pytest.mark.parametrize("path", [LIBRARY, "/images/team/app:v1", "/changes", "/images/charts/web:1.0.0"])
def test_hostile_names_are_text(browser: Browser, path: str) -> None:
    assert HOSTILE not in browser.text(path)


def test_hostile_names_are_seen(browser: Browser) -> None:
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in browser.text("/changes")
    assert "&lt;script&gt;" in browser.text(f"/images?q={HOSTILE}")


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/images/none",
        "/images/library/alpine:none",
        "/images/library/alpine@sha256:" + "0" * 64,
        "/images/library/alpine@nothing",
        "/images/../../../../etc/passwd",
        "/images/..%2f..%2f..%2f..%2fetc:passwd",
        "/images/library/alpine:..%2f..%2f..",
        "/images/%00",
        "/images/" + "a" * 5000,
        "/images/:",
        "/images/@",
    ],
)
def test_what_is_not_there_is_not_found(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 404
    assert "<h1>Not found</h1>" in answer.text


@pytest.mark.parametrize("number", ["2", "0", "-1", "x", "9" * 30])
def test_any_page_number_gives_a_page(browser: Browser, number: str) -> None:
    assert "3 tags" in browser.text(f"{LIBRARY}?page={number}")


def test_nothing_can_be_changed(browser: Browser) -> None:
    for method in ("POST", "PUT", "DELETE"):
        for path in (*NAVIGATION, LIBRARY):
            assert browser.get(path, method=method).status_code == 405


def test_long_lists_have_pages(tmp_path: Path) -> None:
    stack = Furnished(tmp_path)
    digest = stack.image("team/app", b"layer")
    for number in range(PER_PAGE + 1):
        stack.tag("team/app", f"v{number}", digest)
    browser = console(tmp_path)
    first, second = browser.text("/images/team/app"), browser.text("/images/team/app?page=2")
    assert (first.count("<tr>"), second.count("<tr>")) == (PER_PAGE + 1, 2)
    assert 'rel="next" href="?page=2"' in first
    assert 'rel="prev" href="?page=1"' in second


def test_an_empty_registry_says_how_to_begin(tmp_path: Path) -> None:
    Furnished(tmp_path)
    browser = console(tmp_path, scheduled=False)
    assert "The registry is empty" in browser.text("/images")
    assert "There is no ledger yet" in browser.text("/changes")
    assert "No task has run yet" in browser.text("/tasks")
    assert "Nothing is mirrored" in browser.text("/mirror")


def test_who_is_signed_on_is_named(browser: Browser) -> None:
    assert "Signed on as ann@example.com" in browser.get("/", **{USER_HEADER: "ann@example.com"}).text


def test_it_is_healthy_while_it_can_read_its_stack(browser: Browser, tmp_path: Path) -> None:
    assert browser.get("/console/healthz").json() == {"status": "ok", "stack": "test"}
    assert console(tmp_path).get("/console/healthz").status_code == 503


def test_a_page_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    answer = console(tmp_path).get("/images")
    assert answer.status_code == 500
    assert "regops.json: is missing" in answer.text


def test_home_says_that_no_alert_would_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.stack.alerts.time.clock_gettime", lambda _: 86_400.0)
    stack = Furnished(tmp_path).stack
    limits = ServiceLimits(cpus=0.1, memory_mib=128)
    config = stack.config.model_copy(update={"services": {**stack.config.services, "alertmanager": limits}})
    write_atomic(tmp_path / "current" / REGOPS_FILE, render(config))
    AlertInbox(tmp_path / "data/gateway", lambda: time.time() - 3600).expect()
    assert "not even the one that always fires has arrived for 1 hour" in seen(console(tmp_path).text("/"))


@pytest.mark.parametrize(
    "manifest",
    [
        rb'{"artifactType": "a\ud800", "layers": [{"size": 1}], "annotations": {"b\udfff": "c"}}',
        b'{"layers": [{"size": 1' + b"0" * 400 + b"}]}",
    ],
    ids=["half a character", "a huge size"],
)
def test_whoever_may_push_spoils_no_page(tmp_path: Path, manifest: bytes) -> None:
    made = furnished(tmp_path)
    made.tag("team/app", "spoiled", made.layout.manifest("team/app", manifest))
    browser = console(tmp_path)
    assert "spoiled" in browser.text("/images/team/app")
    assert "spoiled" in browser.text("/images/team/app:spoiled")


@pytest.mark.parametrize(("deep", "known"), [(3, True), (1500, False)])
def test_indexes_within_indexes_are_looked_into_as_far_as_anybody_needs_them(tmp_path: Path, deep: int, known: bool) -> None:
    made = Furnished(tmp_path)
    pushed = made.image("team/app", b"a layer")
    for _ in range(deep):
        pushed = made.index("team/app", {"amd64": pushed})
    image = Images(made.layout.tree).image(pushed)
    assert image is not None
    assert (image.size > 0) == known
