"""The mirror's dashboard: whether what is mirrored is up to date."""

from __future__ import annotations

from stack_components.monitoring.dashboards.board import ALERTS, Row, board, tasks_mark
from stack_components.monitoring.dashboards.panels import Panel, bars, figure, graph

UID = "mirror"
_DAY_S = 86_400
_SUCCESS = "regops_mirror_entry_last_success_seconds"
_SHOWN = 25


def mirror() -> str:
    """Return the mirror's dashboard. All of it is as the last run of `regops sync` saw it."""
    rows = [
        Row("At the last run", [_figures()]),
        Row("Entries", [_entries()]),
        Row("Runs", [_runs()]),
    ]
    return board(
        UID, "Mirror", "Is what is mirrored up to date?", rows, marks=(ALERTS, tasks_mark("sync", "mirror")), since="now-7d"
    )


def _figures() -> list[Panel]:
    return [
        figure("Since the last run", "s", "time() - regops_mirror_last_run_timestamp_seconds", steps=[_DAY_S / 2, 1.5 * _DAY_S]),
        figure("Entries", "none", 'sum(regops_mirror_entries{state!="off"})'),
        figure("In quarantine", "none", "regops_mirror_quarantined", steps=[1], what="`regops sync status` says why."),
        figure("Never well", "none", f"count({_SUCCESS} == 0) or vector(0)", steps=[1]),
    ]


def _entries() -> list[Panel]:
    behind = f"topk({_SHOWN}, (time() - {_SUCCESS}) and ({_SUCCESS} > 0))"
    return [
        graph("Entries, by how they fare", "none", {"{{state}}": "regops_mirror_entries"}, stacked=True),
        bars("Longest without success", "s", {"{{entry}}": behind}, steps=[_DAY_S, 3 * _DAY_S]),
        graph(
            "Pulls that are left", "none", {"{{registry}}": "regops_mirror_pulls_remaining"}, what="As the registry told last."
        ),
    ]


def _runs() -> list[Panel]:
    return [
        graph("Copied tags", "none", {"tags": "regops_sync_copied_tags"}),
        graph("Copied data", "bytes", {"data": "regops_sync_copied_bytes"}),
        graph("Duration", "s", {"a run": 'regops_task_duration_seconds{task="sync"}'}),
    ]
