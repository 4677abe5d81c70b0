"""Lists are filtered, sorted and cut into pages."""

from __future__ import annotations

from typing import Any

import pytest
from hcloud import APIException

from tools.emulation.api.labels import matches
from tools.emulation.api.server import Api

LABELS = {"env": "prod", "role": "registry", "example.com/owner": "me", "empty": ""}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("env=prod", True),
        ("env==prod", True),
        ("env = test", False),
        ("env!=test", True),
        ("other!=test", True),
        ("env!=prod", False),
        ("env", True),
        ("other", False),
        ("!other", True),
        ("!env", False),
        ("empty", True),
        ("empty=", True),
        ("env in (test,prod)", True),
        ("env in (test)", False),
        ("env notin (test, prod)", False),
        ("other notin (test)", True),
        ("env=prod,role=registry,!other", True),
        ("env in (test,prod),role=cache", False),
        ("example.com/owner=me", True),
    ],
)
def test_selectors_find_labels(selector: str, expected: bool) -> None:
    assert matches(selector, LABELS) is expected


@pytest.mark.parametrize("selector", ["=x", "a b", "a in", "a,", "a=b=c"])
def test_an_invalid_selector_is_refused(client: Any, selector: str) -> None:
    client.placement_groups.create("a", "spread")
    with pytest.raises(APIException) as caught:
        client.placement_groups.get_all(label_selector=selector)
    assert caught.value.code == "invalid_input"


def test_lists_are_filtered_by_name_and_label(client: Any) -> None:
    for name, role in (("a", "x"), ("b", "x"), ("c", "y")):
        client.placement_groups.create(name, "spread", labels={"role": role})
    assert [item.name for item in client.placement_groups.get_all(label_selector="role=x")] == ["a", "b"]
    assert [item.name for item in client.placement_groups.get_all(name="c")] == ["c"]
    assert [item.name for item in client.placement_groups.get_all(sort=["name:desc"])] == ["c", "b", "a"]


def test_lists_come_in_pages(api: Api, client: Any) -> None:
    for number in range(51):
        client.placement_groups.create(f"g{number:02}", "spread")
    page = client.placement_groups.get_list(page=2, per_page=20)
    assert [item.name for item in page.placement_groups] == [f"g{number}" for number in range(20, 40)]
    assert (page.meta.pagination.previous_page, page.meta.pagination.next_page) == (1, 3)
    assert (page.meta.pagination.last_page, page.meta.pagination.total_entries) == (3, 51)
    before = len(api.calls)
    assert len(client.placement_groups.get_all()) == 51
    # 50 are the most that come at once.
    assert len(api.calls) - before == 2


@pytest.mark.parametrize("labels", [{"-a": "b"}, {"a": "b c"}, {"hetzner.cloud/a": "b"}, {"a" * 64: "b"}])
def test_bad_labels_are_refused(client: Any, labels: dict[str, str]) -> None:
    with pytest.raises(APIException, match="labels"):
        client.placement_groups.create("a", "spread", labels=labels)
