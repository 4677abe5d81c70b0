"""A dashboard: rows of panels, its variables, what is marked in its graphs, and links to the others.

Model: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from stack_components.monitoring.dashboards.panels import SOURCE, Panel
from stack_components.monitoring.dashboards.shown import TAG

_COLUMNS = 24
_ALERTS = 'ALERTS{alertstate="firing",severity!="none"}'
_STARTED = "changes(process_start_time_seconds[2m]) > 0"


@dataclass(frozen=True)
class Row:
    """Panels that belong together. Those of one line share its width."""

    title: str
    lines: Sequence[Sequence[Panel]]


@dataclass(frozen=True)
class Choice:
    """A variable: which values of a label are looked at.

    Attributes:
        name: Its name in queries, with a dollar sign before it: `handler=~"$handler"`.
        label: What it is called on the page.
        series: The series that has the label of the same name.
    """

    name: str
    label: str
    series: str


@dataclass(frozen=True)
class Mark:
    """What is marked in all graphs of a dashboard.

    Attributes:
        name: What it is called on the page.
        expr: Where it has a value, there is a mark. With `at_value`, at the time that the value tells, in ms.
        title: What the mark says; may contain labels.
        colour: Its colour.
    """

    name: str
    expr: str
    title: str
    colour: str
    at_value: bool = False


ALERTS = Mark("Alerts", _ALERTS, "{{alertname}}", "red")
STARTS = Mark("Starts of services", _STARTED, "{{job}} has started", "blue")


def tasks_mark(*names: str) -> Mark:
    """Return the marks of when tasks ended."""
    ended = f'regops_task_last_run_timestamp_seconds{{task=~"{"|".join(names)}"}} * 1000'
    return Mark("Tasks", ended, "{{task}} has ended", "purple", at_value=True)


def board(
    uid: str,
    title: str,
    question: str,
    rows: Sequence[Row],
    *,
    choices: Sequence[Choice] = (),
    marks: Sequence[Mark] = (ALERTS,),
    since: str = "now-6h",
) -> str:
    """Return a dashboard as JSON: the same words give the same bytes.

    Args:
        uid: By which it is known, also in its address. Never change one: links and bookmarks name it.
        title: Its title.
        question: The one question that it answers.
        rows: What is on it, from top to bottom. Those without panels are left out.
        choices: What can be chosen on it.
        marks: What is marked in its graphs.
        since: How far it looks back, to begin with.
    """
    made = builders.Dashboard(title).uid(uid).description(question).tags([TAG]).readonly().timezone("browser").refresh("1m")
    made = made.time(since, "now").tooltip(model.DashboardCursorSync.CROSSHAIR)
    made = made.links([_others(), _alerts_page()])
    made = made.variables([_variable(one) for one in choices]).annotations([_annotation(one) for one in marks])
    number = 0
    for row in rows:
        lines = [line for line in row.lines if line]
        if not lines:
            continue
        number += 1
        made = made.with_row(builders.Row(row.title).id(number))
        for panel, width in ((panel, _COLUMNS // len(line)) for line in lines for panel in line):
            number += 1
            made = made.with_panel(panel.id(number).span(width))
    document = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    # The library has all of them in a menu that is closed. Without a word of it they stand above the panels.
    for one in (*document["links"], *document["annotations"]["list"]):
        del one["placement"]
    # Grafana gives it one of its own.
    return json.dumps({"id": None, **document}, indent=1, sort_keys=True) + "\n"


def _others() -> builders.DashboardLink:
    link = builders.DashboardLink("Dashboards").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
    return link.as_dropdown(False).keep_time(True).include_vars(False).target_blank(False)


def _alerts_page() -> builders.DashboardLink:
    link = builders.DashboardLink("Alerts").type(model.DashboardLinkType.LINK).url("/prometheus/alerts").icon("bell")
    return link.tooltip("Which alerts there are, and which of them fire")


def _variable(choice: Choice) -> builders.QueryVariable:
    query = f"label_values({choice.series}, {choice.name})"
    variable = builders.QueryVariable(choice.name).label(choice.label).datasource(SOURCE).multi(True).include_all(True)
    variable = variable.query({"query": query, "refId": choice.name}).definition(query).all_value(".+")
    variable = variable.sort(model.VariableSort.ALPHABETICAL_ASC).refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
    return variable.current(model.VariableOption(selected=True, text=["All"], value=["$__all"]))


def _annotation(mark: Mark) -> builders.AnnotationQuery:
    query = prometheus.Dataquery().ref_id("Anno").datasource(SOURCE).expr(mark.expr).legend_format(mark.title)
    found = builders.AnnotationQuery().name(mark.name).datasource(SOURCE).enable(True).hide(False).icon_color(mark.colour)
    # Grafana reads these at the top of the annotation; a target's own expression is only for its editor.
    found = found.expr(mark.expr).title_format(mark.title).step("60s").target(query)
    return found.use_value_for_time(True) if mark.at_value else found
