"""All dashboards: what they show, how they lie, what they ask. Their queries run on a whole stack: tests/engine/test_whole.py."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from typing import Any

import pytest

from infra.paths import PROJECT_FOLDER
from infra.services import SERVICES
from ops.core.process import run
from stack_components.monitoring.dashboards.panels import quantiles, with_zeros
from stack_components.monitoring.dashboards.rendering import rendered
from stack_components.monitoring.dashboards.shown import DATASOURCE_UID, TAG, Shown
from tests.plans import BACKUP, CATALOGUE, EVERYTHING, MIRROR, plan_of, plan_with
from tests.stack_components.monitoring.dashboard_queries import SHOWN, WITHOUT_DATA, queries

BOARDS: dict[str, Any] = {name: json.loads(text) for name, text in rendered(SHOWN).items()}
UIDS = ["overview", "registry", "host", "protection", "mirror", "recovery", "error-budget"]
# What services alone are asked for that can be left out.
OF_SERVICES = {
    "blackbox-exporter": "probe_",
    "cadvisor": "container_",
    "crowdsec": "cs_",
    "node-exporter": ("node_", "regops_"),
    "redis-exporter": "redis_",
}
# What the exporters declare that no package has, as far as it is asked for.
# https://github.com/google/cadvisor/blob/v0.60.5/docs/storage/prometheus.md
_OF_CADVISOR = {
    *("container_cpu_usage_seconds_total", "container_cpu_cfs_periods_total", "container_cpu_cfs_throttled_periods_total"),
    *("container_last_seen", "container_memory_working_set_bytes", "container_oom_events_total", "container_start_time_seconds"),
    *("container_network_receive_bytes_total", "container_network_transmit_bytes_total"),
    *("container_spec_cpu_period", "container_spec_cpu_quota", "container_spec_memory_limit_bytes"),
}
# https://github.com/crowdsecurity/crowdsec/tree/v1.7.8/pkg/metrics
_OF_CROWDSEC = {
    *("cs_active_decisions", "cs_bucket_overflowed_total", "cs_filesource_hits_total", "cs_lapi_bouncer_requests_total"),
    *("cs_parser_hits_ok_total", "cs_parser_hits_ko_total"),
}
_OF_TASKS = re.compile(r"regops_(gc|backup|drill|scrub|sync)_(\w+)")
BOARD = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """The panels of a dashboard, without its rows."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def test_each_dashboard_answers_one_question_and_is_known_by_the_same_name_for_ever() -> None:
    assert [board["uid"] for board in BOARDS.values()] == UIDS == list(BOARDS)
    assert all(
        board["id"] is None and board["description"].count("?") == 1 and board["tags"] == [TAG] for board in BOARDS.values()
    )
    assert len({board["title"] for board in BOARDS.values()}) == len(UIDS)


def test_the_same_stack_has_the_same_bytes() -> None:
    code = (
        "import sys; from stack_components.monitoring.dashboards.rendering import rendered;"
        "from tests.stack_components.monitoring.dashboard_queries import SHOWN; sys.stdout.write(repr(rendered(SHOWN)))"
    )
    for seed in ("1", "2"):
        told = run([sys.executable, "-c", code], timeout=60, cwd=PROJECT_FOLDER, env={"PYTHONHASHSEED": seed})
        assert told.stdout == repr(rendered(SHOWN))


@BOARD
def test_every_panel_asks_the_provisioned_data_source_and_says_in_which_unit(board: dict[str, Any]) -> None:
    for panel in panels(board):
        asked = panel["targets"]
        assert {one["datasource"]["uid"] for one in (panel, *asked)} == {DATASOURCE_UID}, panel["title"]
        assert len({one["refId"] for one in asked}) == len(asked), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


@BOARD
def test_panels_fill_their_rows_and_cover_nothing(board: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        squares = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not taken & squares, panel["title"]
        taken |= squares
    lowest = max(y for _, y in taken)
    assert taken == {(x, y) for x in range(24) for y in range(lowest + 1)}
    numbers = [panel["id"] for panel in board["panels"]]
    assert numbers == sorted(set(numbers))


@BOARD
def test_panels_of_a_row_have_titles_of_their_own(board: dict[str, Any]) -> None:
    titles = list[str]()
    for panel in [*board["panels"], {"type": "row", "title": ""}]:
        if panel["type"] == "row":
            assert len(titles) == len(set(titles))
            titles = []
        titles.append(panel["title"])


@BOARD
def test_what_can_be_chosen_is_asked_for(board: dict[str, Any]) -> None:
    asked = " ".join(target["expr"] for panel in panels(board) for target in panel["targets"])
    chosen = {f"${variable['name']}" for variable in board["templating"]["list"]}
    assert set(re.findall(r"\$(?!__)\w+", asked)) == chosen


def test_percentiles_are_computed_from_buckets_that_were_added_up() -> None:
    asked = [query for query in queries() if "quantile" in query.expr]
    assert len(asked) > 10
    for query in asked:
        assert re.fullmatch(r"histogram_quantile\([0-9.]+, sum by \(le(, \w+)*\) \(rate\(.*\)\)\)", query.expr), query
    assert (
        quantiles("x_bucket", "a")["{{a}} p95"] == "histogram_quantile(0.95, sum by (le, a) (rate(x_bucket[$__rate_interval])))"
    )


def test_no_errors_is_something_else_than_no_data() -> None:
    assert with_zeros("a", "b") == "a or b * 0"


@pytest.mark.parametrize(("service", "prefix"), OF_SERVICES.items(), ids=OF_SERVICES)
def test_services_that_do_not_run_are_not_shown(service: str, prefix: str | tuple[str, ...]) -> None:
    def asked(shown: Shown) -> set[str]:
        return {name for query in queries(shown) for name in query.names if name.startswith(prefix)}

    assert asked(SHOWN)
    assert not asked(replace(SHOWN, services=SHOWN.services - {service}))


@pytest.mark.parametrize("left_out", [*OF_SERVICES, "mirror", "backups"])
def test_every_link_leads_to_a_dashboard_that_is_there(left_out: str) -> None:
    boards = rendered(Shown(SHOWN.services - {left_out}, mirror=left_out != "mirror", backups=left_out != "backups"))
    linked = {name for text in boards.values() for name in re.findall(r'"/grafana/d/([\w-]+)"', text)}
    assert linked
    assert linked <= set(boards)


def test_a_dashboard_without_anything_to_show_is_left_out() -> None:
    assert set(rendered(replace(SHOWN, mirror=False))) == set(UIDS) - {"mirror"}
    bare = rendered(Shown(frozenset({"registry", "edge", "gateway", "prometheus", "grafana"}), mirror=False, backups=False))
    assert set(bare) == {"overview", "registry", "host", "protection"}
    assert all(panels(json.loads(text)) for text in bare.values())


def test_what_is_shown_is_what_a_stack_has() -> None:
    shown = Shown.of(plan_of(**EVERYTHING))
    assert (shown.services, shown.mirror, shown.backups) == (frozenset(SERVICES), False, False)
    assert Shown.of(plan_with(CATALOGUE, sync=MIRROR)).mirror
    assert Shown.of(plan_of(backup=BACKUP)).backups


def test_metrics_without_data_on_a_new_stack_are_declared_somewhere() -> None:
    without = {name for query in queries() if query.why_without_data for name in query.names}
    assert {query.why_without_data for query in queries()} - {""} == set(WITHOUT_DATA.values())
    unknown = {name for name in without if not declared(name)} - {"ALERTS", "process_start_time_seconds"}
    assert unknown == set()
    assert not declared("regops_gc_hold_seconds")
    assert not declared("container_cpu_seconds")


def declared(name: str) -> bool:
    """Whether an exporter, or a task, says that it has such a metric."""
    if name in _OF_CADVISOR | _OF_CROWDSEC:
        return True
    if figure := _OF_TASKS.fullmatch(name):
        sources = [*(PROJECT_FOLDER / "ops/tasks" / figure[1]).glob("*.py"), PROJECT_FOLDER / "ops/cli" / f"{figure[1]}.py"]
        return any(f'"{figure[2]}"' in path.read_text() for path in sources)
    return any(
        f'"{name}"' in (PROJECT_FOLDER / path).read_text() for path in ("ops/runs/metrics.py", "ops/tasks/sync/measured.py")
    )
