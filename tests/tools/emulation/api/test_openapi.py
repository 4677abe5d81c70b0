"""The checker finds what is not as described; the tests beside this one check every exchange with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.tools.emulation.api.openapi import DESCRIPTION, MISSING, MismatchError, check
from tools.emulation.api.server import Api, Exchange

pytestmark = pytest.mark.skipif(not DESCRIPTION.exists(), reason=MISSING)


@pytest.fixture
def exchange(api: Api, client: Any) -> Exchange:
    client.placement_groups.create("group", "spread", labels={"a": "b"})
    return api.exchanges[-1]


def _group(exchange: Exchange, **change: Any) -> Exchange:
    return replace(exchange, answer={**exchange.answer, "placement_group": exchange.answer["placement_group"] | change})


def test_what_is_as_described_passes(exchange: Exchange) -> None:
    check(exchange)


@pytest.mark.parametrize("change", [{"servers": "none"}, {"name": None}, {"type": "heap"}, {"colour": "red"}])
def test_a_wrong_answer_is_found(exchange: Exchange, change: dict[str, Any]) -> None:
    with pytest.raises(MismatchError, match=rf"answer.*{next(iter(change))}"):
        check(_group(exchange, **change))


def test_a_missing_field_is_found(exchange: Exchange) -> None:
    with pytest.raises(MismatchError, match="placement_group"):
        check(replace(exchange, answer={"action": None}))


def test_a_wrong_request_is_found(exchange: Exchange) -> None:
    with pytest.raises(MismatchError, match=r"request.*name"):
        check(replace(exchange, request={"type": "spread"}))


def test_an_undescribed_status_is_found(exchange: Exchange) -> None:
    with pytest.raises(MismatchError, match="described are 201"):
        check(replace(exchange, status=202))


def test_an_unknown_operation_is_found(exchange: Exchange) -> None:
    with pytest.raises(MismatchError, match="no such operation"):
        check(replace(exchange, path="/placement_group"))
