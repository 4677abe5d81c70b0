"""The dashboard of backup and recovery: whether we could come back, how quickly, and what would be lost."""

from __future__ import annotations

from stack_components.monitoring.dashboards.board import ALERTS, Row, board, tasks_mark
from stack_components.monitoring.dashboards.panels import Panel, bars, figure, graph
from stack_components.monitoring.dashboards.shown import Shown

UID = "recovery"
_HOUR_S, _DAY_S = 3600, 86_400
_SINCE = 'time() - max by (task) (regops_task_last_success_timestamp_seconds{task=~"%s"})'
_TOOK = 'max by (task) (regops_task_duration_seconds{task=~"%s"})'
_OF_BACKUPS = "backup|verify|drill|prune"


def recovery(shown: Shown) -> str:
    """Return the dashboard of backup and recovery. Where there are no backups, it shows what can be undone on the host."""
    rows = [
        Row("Could we come back?", [_figures()] if shown.backups else []),
        Row("Backups", [_backups(), _drills()] if shown.backups else []),
        Row("Undo, on this host", [_undo()]),
        Row("The data itself", [_scrub()] if shown.backups or shown.mirror else []),
    ]
    question = "Could we come back, how quickly, and what would be lost?"
    marks = (ALERTS, tasks_mark("backup", "verify", "drill", "restore", "gc", "prune"))
    return board(UID, "Backup and recovery", question, rows, marks=marks, since="now-7d")


def _figures() -> list[Panel]:
    good = "time() - regops_backup_good_timestamp_seconds"
    return [
        figure("Since the last good backup", "s", good, what="So much would be lost now.", steps=[9 * _HOUR_S, _DAY_S]),
        figure("Since they were found whole", "s", _SINCE % "verify", steps=[2 * _DAY_S, 3 * _DAY_S]),
        figure(
            "Since a drill passed",
            "s",
            "(" + _SINCE % "drill" + ") and on () regops_drill_passed == 1",
            steps=[8 * _DAY_S, 15 * _DAY_S],
        ),
        figure("RTO", "s", "regops_drill_rto_seconds", what="How long all of it would take, as the last drill measured."),
        figure("RPO", "s", "regops_drill_rpo_seconds", what="How old the backup was that the last drill restored."),
        figure("Damaged tags", "none", "regops_backup_damaged_tags", what="That the last backup met.", steps=[1]),
    ]


def _backups() -> list[Panel]:
    return [
        graph("Size of a backup", "none", {"tags": "regops_backup_tags", "blobs": "regops_backup_blobs"}),
        graph("Data that a backup added", "bytes", {"data": "regops_backup_added_bytes"}),
        graph("Duration", "s", {"{{task}}": _TOOK % _OF_BACKUPS}),
    ]


def _drills() -> list[Panel]:
    times = {"RTO": "regops_drill_rto_seconds", "RPO": "regops_drill_rpo_seconds"}
    return [
        bars("Since the last success", "s", {"{{task}}": _SINCE % _OF_BACKUPS}, steps=[7.5 * _DAY_S, 8 * _DAY_S]),
        graph("RTO and RPO", "s", times),
        graph("Speed of a drill", "Bps", {"restored": "regops_drill_bytes_per_second"}),
    ]


def _undo() -> list[Panel]:
    return [
        bars(
            "Since the last success",
            "s",
            {"{{task}}": _SINCE % "snapshot|gc|retention|changes"},
            steps=[7.5 * _DAY_S, 8 * _DAY_S],
        ),
        graph("Held by snapshots", "bytes", {"after a collection": "regops_gc_snapshots_bytes"}),
        graph("Deleted by a collection", "bytes", {"data": "regops_gc_removed_bytes"}),
        graph(
            "Writes held by a collection",
            "s",
            {"at most at once": "regops_gc_held_seconds", "in all": "regops_gc_read_only_seconds"},
        ),
    ]


def _scrub() -> list[Panel]:
    return [
        graph("Damaged blobs that a scrub found", "none", {"found": "regops_scrub_damaged", "repaired": "regops_scrub_repaired"}),
        graph("Data that a scrub read", "bytes", {"data": "regops_scrub_bytes"}),
    ]
