"""What is judged of a look at a host: what stays, what is made anew, what is said of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.look import Seen, Wanted, changed_parts, judged, recalled

WANTED = Wanted(["prod-data"], {"prod-cache": ["prod-data"], "prod-edge": []})
CACHE = {"revision": "", "networks": ["prod-data"], "fault": ""}
EDGE = {"revision": "abc", "networks": [], "fault": ""}


def seen(*, revision: str = "first", changed: tuple[str, ...] = (), **engine: Any) -> tuple[Seen, list[str]]:
    told: list[str] = []
    found = {"networks": {"prod-data": ""}, "containers": {"prod-cache": CACHE, "prod-edge": EDGE}, **engine}
    printed = json.dumps({"revision": revision, "changed": changed, "engine": found})
    return judged(printed, WANTED, "here", told.append), told


def test_what_nobody_has_touched_keeps_its_revision() -> None:
    assert seen() == (Seen("first", {"prod-data": ""}, {"prod-cache": "", "prod-edge": "abc"}), [])
    assert seen()[0].repairs == "abc"
    assert recalled(seen()[0].text) == seen()[0]


@pytest.mark.parametrize("fault", ["is missing", "is not running (exited)", "has other limits"])
def test_what_is_not_as_it_was_installed_is_told_and_made_anew(fault: str) -> None:
    found, told = seen(containers={"prod-cache": {**CACHE, "fault": fault}, "prod-edge": EDGE})
    assert told == [f"prod-cache {fault} on here; `up` replaces it"]
    assert found.container("prod-cache") not in {"", "abc"}
    assert (found.container("prod-edge"), found.files) == ("abc", "first")
    assert seen(containers={"prod-cache": {**CACHE, "fault": fault}, "prod-edge": EDGE})[0] != found, "never the same twice"


def test_a_container_that_has_left_a_network_is_made_anew() -> None:
    found, told = seen(containers={"prod-cache": {**CACHE, "networks": ["bridge"]}, "prod-edge": EDGE})
    assert told == ["prod-cache has left one of its networks on here; `up` replaces it"]
    assert found.container("prod-cache")


def test_a_network_that_is_missing_is_made_anew() -> None:
    found, told = seen(networks={})
    assert (found.network("prod-data") != "", told) == (True, [])


def test_what_the_settings_ask_for_only_now_is_not_missing() -> None:
    found, told = seen(containers={"prod-edge": EDGE})
    assert (found.container("prod-cache"), told) == ("", [])


def test_where_nothing_is_installed_everything_is_made_and_nothing_said() -> None:
    found, told = seen(revision="", networks={}, containers={})
    assert "" not in {found.files, *found.containers.values(), *found.networks.values()}
    assert told == []
    nothing = judged("", WANTED, "here", print)
    assert "" not in {nothing.files, *nothing.containers.values(), *nothing.networks.values()}


def test_a_file_that_has_changed_is_told() -> None:
    assert seen(changed=("/srv/a",))[1] == ["/srv/a has changed on here since it was installed; `up` restores it"]


@pytest.mark.parametrize(("printed", "answered"), [('{"revision": "first", "changed": []}', True), ('{"engine": null}', False)])
def test_where_nothing_can_be_seen_no_container_is_touched(printed: str, answered: bool) -> None:
    found = judged(printed, WANTED, "here", print)
    assert (found.container("prod-cache"), found.network("prod-data"), found.engine) == ("", "", answered)
    assert found.files
    assert recalled("") == Seen("", {}, {})


def test_the_parts_that_are_there_are_told_and_not_kept() -> None:
    there = {"catalogue": "catalogue-1", "edge": "edge-1"}
    printed = json.dumps({"revision": "first", "changed": [], "parts": there, "engine": {"networks": {}, "containers": {}}})
    found = judged(printed, WANTED, "here", print)
    assert found.parts == there
    assert "catalogue" not in found.text
    assert recalled(found.text).parts == {}


@pytest.mark.parametrize(
    ("wanted", "changed"),
    [
        ({"catalogue": "catalogue-1", "edge": "edge-1"}, []),
        ({"catalogue": "catalogue-2", "edge": "edge-1"}, ["catalogue"]),
        ({"catalogue": "catalogue-1", "regsync": "regsync-1"}, ["edge", "regsync"]),
    ],
)
def test_a_release_says_which_parts_it_changes(wanted: dict[str, str], changed: list[str]) -> None:
    assert changed_parts({"catalogue": "catalogue-1", "edge": "edge-1"}, wanted) == changed
    assert changed_parts({}, wanted) == [], "nothing is there yet, or nobody knows"
