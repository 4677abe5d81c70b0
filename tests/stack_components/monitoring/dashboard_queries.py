"""What the dashboards ask Prometheus, as it is asked without Grafana, and what a stack without a past has no answer to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from infra.services import SERVICES
from stack_components.monitoring.dashboards.rendering import rendered
from stack_components.monitoring.dashboards.shown import Shown
from stack_components.monitoring.error_budget import error_budget
from stack_components.monitoring.rules import Record

# All that can be shown.
SHOWN = Shown(frozenset(SERVICES), mirror=True, backups=True)
_GRAFANAS = {"$__rate_interval": "2m", "$__range": "6h", "$handler": ".+", "$name": ".+", "$job": ".+"}
_RECORDED = {rule.record: rule.expr for group in error_budget("") for rule in group.rules if isinstance(rule, Record)}
_LABELS = re.compile(r'\b(?:by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)|\{[^}]*\}|\[[^\]]*\]|"[^"]*"')
_NAME = re.compile(r"\b[A-Za-z_][\w:]*\b(?!\s*\()")
_WORDS = {"and", "or", "unless", "bool", "offset"}

NO_ALERT = "no alert fires while all is well"
# Of a stack with everything but CrowdSec that has just come up, in which cAdvisor is a stand-in, and `gc` has run.
WITHOUT_DATA: Mapping[str, str] = {
    r"\bcontainer_": "cAdvisor is a stand-in, which has no metrics",
    r"\bcs_(?!.* or vector)": "CrowdSec does not run",
    r'regops_(?:mirror|sync)_|task=~?"sync': "nothing is mirrored by a catalogue",
    r'regops_(?:backup|drill|scrub)_|task=~"(?:backup|verify|drill)': "there are no backups",
    r"\bALERTS\b(?!.* or vector)": NO_ALERT,
    r"changes\(process_start_time_seconds": "no service has started again",
}


@dataclass(frozen=True)
class Query:
    """What one place of a dashboard asks.

    Attributes:
        place: The dashboard, and the panel, variable or mark.
        expr: The expression, as Prometheus is asked.
    """

    place: str
    expr: str

    @property
    def names(self) -> set[str]:
        """The metrics that it asks for."""
        return set(_NAME.findall(_LABELS.sub("", self.expr))) - _WORDS

    @property
    def why_without_data(self) -> str:
        """Why a stack without a past has no answer; empty where it has one."""
        return next((why for pattern, why in WITHOUT_DATA.items() if re.search(pattern, self.expr)), "")


def queries(shown: Shown = SHOWN) -> list[Query]:
    """Return all that the dashboards ask, with what Grafana and recording rules stand for spelled out."""
    return [Query(place, _spelled_out(expr)) for place, expr in _asked(shown)]


def _asked(shown: Shown) -> Iterator[tuple[str, str]]:
    for name, text in rendered(shown).items():
        board = json.loads(text)
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                yield f"{name}: {panel['title']}", target["expr"]
        for variable in board["templating"]["list"]:
            series = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"])
            assert series, variable["definition"]
            yield f"{name}: ${variable['name']}", f"group by ({series[2]}) ({series[1]})"
        for mark in board["annotations"]["list"]:
            yield f"{name}: {mark['name']}", mark["expr"]


def _spelled_out(expr: str) -> str:
    for name, value in _GRAFANAS.items():
        expr = expr.replace(name, value)
    # Those of 30 days are computed every five minutes.
    return re.sub(r"\bregistry:\w+:\w+\b", lambda found: f"({_RECORDED[found[0]]})", expr)
