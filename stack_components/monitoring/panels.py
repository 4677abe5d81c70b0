"""Panels of a Grafana dashboard, in Grafana's JSON model.

Model: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

DATASOURCE_UID = "prometheus"
_SOURCE = {"type": "prometheus", "uid": DATASOURCE_UID}
_COLUMNS = 24
_STAT_HEIGHT, _GRAPH_HEIGHT = 4, 8

Panel = dict[str, Any]


def stat(title: str, expr: str, unit: str, *, good_from: float, reversed_: bool = False) -> Panel:
    """Return a single figure: green from `good_from` upwards and red below; the other way round when reversed."""
    below, above = ("green", "red") if reversed_ else ("red", "green")
    return {
        "type": "stat",
        "title": title,
        "datasource": _SOURCE,
        "targets": [_target("A", expr, "")],
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "color": {"mode": "thresholds"},
                "thresholds": {
                    "mode": "absolute",
                    "steps": [{"color": below, "value": None}, {"color": above, "value": good_from}],
                },
            },
            "overrides": [],
        },
        "options": {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value"},
        "gridPos": {"h": _STAT_HEIGHT, "w": 6, "x": 0, "y": 0},
    }


def graph(title: str, unit: str, queries: Mapping[str, str], *, highest: float | None = None) -> Panel:
    """Return lines over time: expressions by legend; a legend may contain labels, such as `{{name}}`."""
    targets = [_target(chr(ord("A") + index), expr, legend) for index, (legend, expr) in enumerate(queries.items())]
    scale = {"min": 0} | ({"max": highest} if highest is not None else {})
    return {
        "type": "timeseries",
        "title": title,
        "datasource": _SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": unit, **scale}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "gridPos": {"h": _GRAPH_HEIGHT, "w": 12, "x": 0, "y": 0},
    }


def placed(panels: Sequence[Panel]) -> list[Panel]:
    """Return the panels numbered and placed left to right; each row is as high as its panels."""
    found: list[Panel] = []
    x = y = height = 0
    for number, panel in enumerate(panels, start=1):
        size = panel["gridPos"]
        if x + size["w"] > _COLUMNS or (height and size["h"] != height):
            x, y = 0, y + height
        height = size["h"]
        found.append({**panel, "id": number, "gridPos": {**size, "x": x, "y": y}})
        x += size["w"]
    return found


def _target(ref: str, expr: str, legend: str) -> dict[str, Any]:
    return {"refId": ref, "datasource": _SOURCE, "expr": expr, "legendFormat": legend}
