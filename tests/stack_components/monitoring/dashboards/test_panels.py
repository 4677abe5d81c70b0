"""Panels: what the helpers make of their words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from stack_components.monitoring.dashboards.panels import Panel, bars, figure, graph, up_or_down


def document(panel: Panel) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(panel.build(), cls=JSONEncoder))
    return found


def defaults(panel: Panel) -> dict[str, Any]:
    found: dict[str, Any] = document(panel)["fieldConfig"]["defaults"]
    return found


@pytest.mark.parametrize(
    ("steps", "falling", "expected"),
    [
        ([1], False, [(None, "green"), (1, "red")]),
        ([1], True, [(None, "red"), (1, "green")]),
        ([2, 3], False, [(None, "green"), (2, "yellow"), (3, "red")]),
        ([0, 0.25], True, [(None, "red"), (0, "yellow"), (0.25, "green")]),
    ],
)
def test_a_figure_has_the_colour_of_what_it_means(
    steps: list[float], falling: bool, expected: list[tuple[float | None, str]]
) -> None:
    told = defaults(figure("f", "s", "1", steps=steps, falling=falling))["thresholds"]
    assert (told["mode"], [(one["value"], one["color"]) for one in told["steps"]]) == ("absolute", expected)


def test_a_figure_without_steps_has_none() -> None:
    plain = figure("f", "s", "1")
    assert "thresholds" not in defaults(plain)
    assert document(plain)["options"]["colorMode"] == "none"


def test_a_figure_leads_to_where_more_is_shown() -> None:
    (link,) = document(figure("f", "s", "1", leads_to="host"))["links"]
    assert (link["url"], link["keepTime"]) == ("/grafana/d/host", True)


def test_lines_are_named_and_begin_at_zero() -> None:
    panel = graph("g", "bytes", {"{{a}}": "x", "b": "y"}, what="What it means.", highest=1, stacked=True)
    made = document(panel)
    asked = [(one["refId"], one["expr"], one["legendFormat"], one["range"]) for one in made["targets"]]
    assert asked == [("A", "x", "{{a}}", True), ("B", "y", "b", True)]
    assert (defaults(panel)["min"], defaults(panel)["max"], made["description"]) == (0, 1, "What it means.")
    assert defaults(panel)["custom"]["stacking"]["mode"] == "normal"


def test_bars_ask_for_the_present_alone() -> None:
    (asked,) = document(bars("b", "s", {"{{a}}": "x"}))["targets"]
    assert (asked["instant"], asked["range"]) == (True, False)


def test_a_band_says_up_and_down() -> None:
    (mapping,) = defaults(up_or_down("u", {"": "up"}))["mappings"]
    assert {value: (told["text"], told["color"]) for value, told in mapping["options"].items()} == {
        "1": ("up", "green"),
        "0": ("down", "red"),
    }
