"""A dashboard: its rows, what can be chosen, what is marked, and its links."""

from __future__ import annotations

import json
from typing import Any

from stack_components.monitoring.dashboards.board import ALERTS, Choice, Row, board, tasks_mark
from stack_components.monitoring.dashboards.panels import figure, graph
from stack_components.monitoring.dashboards.shown import TAG


def made(rows: list[Row], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(board("uid", "Title", "Is it so?", rows, **more))
    return found


def test_panels_of_a_line_share_its_width_and_empty_rows_are_left_out() -> None:
    rows = [
        Row("first", [[figure("a", "s", "1"), figure("b", "s", "1")], [graph("c", "s", {"": "1"})]]),
        Row("nothing", [[]]),
        Row("second", [[graph(title, "s", {"": "1"}) for title in "def"]]),
    ]
    places = [(one["title"], *(one["gridPos"][key] for key in "xywh")) for one in made(rows)["panels"]]
    assert places == [
        ("first", 0, 0, 24, 1),
        ("a", 0, 1, 12, 4),
        ("b", 12, 1, 12, 4),
        ("c", 0, 5, 24, 8),
        ("second", 0, 13, 24, 1),
        ("d", 0, 14, 8, 8),
        ("e", 8, 14, 8, 8),
        ("f", 16, 14, 8, 8),
    ]


def test_links_to_all_others_stand_above_the_panels() -> None:
    others, alerts = made([])["links"]
    assert (others["type"], others["tags"], others["asDropdown"]) == ("dashboards", [TAG], False)
    assert alerts["url"] == "/prometheus/alerts"
    # In a menu that is closed nobody finds them.
    assert not {"placement"} & {*others, *alerts}


def test_what_can_be_chosen_begins_with_all() -> None:
    (chosen,) = made([], choices=[Choice("handler", "Handler", "requests_total")])["templating"]["list"]
    assert (chosen["query"]["query"], chosen["current"]["value"]) == ("label_values(requests_total, handler)", ["$__all"])
    assert (chosen["multi"], chosen["includeAll"], chosen["allValue"]) == (True, True, ".+")


def test_marks_are_at_the_time_of_the_sample_or_at_the_time_that_it_tells() -> None:
    alerts, tasks = made([], marks=[ALERTS, tasks_mark("gc", "restore")])["annotations"]["list"]
    assert "useValueForTime" not in alerts
    assert tasks["useValueForTime"] is True
    assert tasks["expr"] == 'regops_task_last_run_timestamp_seconds{task=~"gc|restore"} * 1000'
    assert tasks["target"]["expr"] == tasks["expr"]
