"""Panels of a dashboard: thin helpers over the builders of the Grafana Foundation SDK.

Panels: https://grafana.com/docs/grafana/latest/panels-visualizations/visualizations/
Units: `grafana_foundation_sdk.models.units`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model

from stack_components.monitoring.dashboards.shown import DATASOURCE_UID

SOURCE = options.DataSourceRef(type_val="prometheus", uid=DATASOURCE_UID)
# Grafana makes it four scrapes or longer, whatever the range that is looked at.
RATE = "[$__rate_interval]"
_GREEN, _YELLOW, _RED = "green", "yellow", "red"

Panel: TypeAlias = timeseries.Panel | stat.Panel | bargauge.Panel | statetimeline.Panel
Queries: TypeAlias = Mapping[str, str]
_Kind = TypeVar("_Kind", timeseries.Panel, stat.Panel, bargauge.Panel, statetimeline.Panel)


def graph(
    title: str, unit: str, queries: Queries, *, what: str = "", highest: float | None = None, stacked: bool = False
) -> Panel:
    """Return lines over time.

    Args:
        title: What is seen.
        unit: Its unit, as Grafana calls it.
        queries: Expressions by legend; a legend may contain labels, such as `{{name}}`.
        what: What it means, for those who ask.
        highest: The end of the scale; None to fit what is seen.
        stacked: Whether the parts of a whole are piled up.
    """
    panel = _asked(timeseries.Panel(), title, unit, queries, what).min(0).height(8).show_points(options.VisibilityMode.NEVER)
    panel = panel.legend(
        common.VizLegendOptions()
        .display_mode(options.LegendDisplayMode.LIST)
        .placement(options.LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    panel = panel.tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.DESCENDING))
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL)).fill_opacity(30)
    return panel if highest is None else panel.max(highest)


def figure(
    title: str, unit: str, expr: str, *, what: str = "", steps: Sequence[float] = (), falling: bool = False, leads_to: str = ""
) -> Panel:
    """Return a single figure, and its course in the background.

    Args:
        title: What is seen.
        unit: Its unit.
        expr: What is asked; one value.
        what: What it means, for those who ask.
        steps: From which value it is yellow, and from which red; one step is red at once. Without steps it has no colour.
        falling: Whether low values are the bad ones: below the first step it is red, below the second yellow.
        leads_to: The dashboard that shows more.
    """
    panel = _asked(stat.Panel(), title, unit, {"": expr}, what).height(4).graph_mode(options.BigValueGraphMode.AREA)
    panel = panel.color_mode(options.BigValueColorMode.VALUE if steps else options.BigValueColorMode.NONE)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel = panel.thresholds(_thresholds(steps, falling=falling)) if steps else panel
    if leads_to:
        link = builders.DashboardLink("More").type(model.DashboardLinkType.LINK).url(f"/grafana/d/{leads_to}")
        panel = panel.links([link.keep_time(True)])
    return panel


def bars(title: str, unit: str, queries: Queries, *, what: str = "", steps: Sequence[float] = ()) -> Panel:
    """Return a bar for each series, with what it is now; `steps` as in `figure`."""
    panel = _asked(bargauge.Panel(), title, unit, queries, what, instant=True).min(0).height(8)
    panel = panel.orientation(options.VizOrientation.HORIZONTAL).display_mode(options.BarGaugeDisplayMode.BASIC)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    return panel.thresholds(_thresholds(steps)) if steps else panel


def states(title: str, queries: Queries, names: Mapping[int, tuple[str, str]], *, what: str = "") -> Panel:
    """Return a band for each series that shows in which state it was when.

    Args:
        title: What is seen.
        queries: Expressions by legend.
        names: The states' names and colours, by value.
        what: What it means, for those who ask.
    """
    told = {str(value): model.ValueMappingResult(text=text, color=colour) for value, (text, colour) in names.items()}
    panel = _asked(statetimeline.Panel(), title, "none", queries, what).height(8).show_value(options.VisibilityMode.NEVER)
    return panel.mappings([model.ValueMap(options=told)]).merge_values(True).row_height(0.8)


def up_or_down(title: str, queries: Queries, *, what: str = "") -> Panel:
    """Return a band for each series that is 1 while all is well and 0 when not."""
    return states(title, queries, {1: ("up", _GREEN), 0: ("down", _RED)}, what=what)


def quantiles(seconds: str, *by: str) -> dict[str, str]:
    """Return the expressions of half, of 95 %, and of 99 % of the observations of a histogram, by legend.

    The buckets are added up before anything is computed from them: percentiles have no average.

    Args:
        seconds: The selector of its buckets.
        by: Labels that stay apart.
    """
    buckets = f"sum by ({', '.join(('le', *by))}) (rate({seconds}{RATE}))"
    legend = "".join(f"{{{{{label}}}}} " for label in by)
    return {f"{legend}p{share * 100:g}": f"histogram_quantile({share}, {buckets})" for share in (0.5, 0.95, 0.99)}


def with_zeros(some: str, all_of_them: str) -> str:
    """Return an expression of some series, with zeros for those that have none: no errors is something else than no data."""
    return f"{some} or {all_of_them} * 0"


def _thresholds(steps: Sequence[float], *, falling: bool = False) -> builders.ThresholdsConfig:
    bad_first = [_RED, _YELLOW, _GREEN] if len(steps) > 1 else [_RED, _GREEN]
    colours = bad_first if falling else [*reversed(bad_first)]
    limits: list[float | None] = [None, *steps]
    found = [model.Threshold(value=limit, color=colour) for limit, colour in zip(limits, colours, strict=True)]
    return builders.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(found)


def _asked(panel: _Kind, title: str, unit: str, queries: Queries, what: str, *, instant: bool = False) -> _Kind:
    asked: list[Builder[Dataquery]] = []
    for number, (legend, expr) in enumerate(queries.items()):
        query = prometheus.Dataquery().ref_id(chr(ord("A") + number)).datasource(SOURCE).expr(expr).legend_format(legend)
        asked.append(query.instant() if instant else query.range())
    panel = panel.description(what) if what else panel
    return panel.title(title).unit(unit).datasource(SOURCE).targets([*asked])
