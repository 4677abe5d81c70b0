"""What is read of Prometheus's answers, however it was asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.stack.prometheus import Alert, AnswerError, Series, alerts_of, series_of

FIRING = {
    "labels": {"alertname": "RegistryDown", "severity": "critical"},
    "annotations": {"summary": "It is down", "description": "Start it"},
    "state": "firing",
    "activeAt": "2026-11-29T19:00:00Z",
}


def answer(**data: Any) -> str:
    return json.dumps({"status": "success", "data": data})


def test_a_value_and_a_range_of_values_are_series() -> None:
    result = [{"metric": {"job": "a"}, "value": [1, "2.5"]}, {"metric": {}, "values": [[1, "NaN"], [2, "+Inf"]]}]
    one, both = series_of(answer(result=result))
    assert one == Series({"job": "a"}, [(1.0, 2.5)])
    assert str(both.samples) == "[(1.0, nan), (2.0, inf)]"
    assert series_of(answer(result=[]).encode()) == []


def test_only_alerts_that_fire_are_told() -> None:
    found = alerts_of(answer(alerts=[FIRING, {**FIRING, "state": "pending"}]))
    assert found == [Alert("RegistryDown", "critical", "It is down", "Start it", "2026-11-29T19:00:00Z")]


@pytest.mark.parametrize(
    "told",
    [
        "",
        "<html>",
        "[]",
        '{"status": "error", "error": "parse error"}',
        answer(result=None, alerts=None),
        answer(result=["x"], alerts=["x"]),
        answer(result=[{"metric": {}}], alerts=[{}]),
        answer(result=[{"metric": {}, "values": []}], alerts=[{"state": "firing", "labels": []}]),
        answer(result=[{"metric": {}, "value": [1, "x"]}], alerts=7),
    ],
)
def test_anything_else_is_no_answer(told: str) -> None:
    for read in (series_of, alerts_of):
        with pytest.raises(AnswerError):
            read(told)
