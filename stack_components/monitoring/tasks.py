"""The alerts of the scheduled tasks: they also fire when nothing on the host is left that could report anything."""

from __future__ import annotations

from infra.plan import Plan
from infra.server.schedule import Task, When, schedule
from stack_components.monitoring.rules import Alert, Group, alert

_HOUR_S, _WEEK_S = 3600, 7 * 86_400
# As `regops` sees it: one run that something was in the way of is nobody's business.
IN_A_ROW = 2
_SUCCESS, _RUN = "regops_task_last_success_timestamp_seconds", "regops_task_last_run_timestamp_seconds"
# That nothing is seen of the tasks is no news while nothing at all is seen of the host.
SEEN = 'up{job="node-exporter"} == 1'
# The mirror has alerts of its own, which look at its entries too.
_OTHERS = {"sync"}


def tasks(plan: Plan) -> Group:
    """Return the alerts of a server's tasks."""
    limits = {task.name: _limit_s(task) for task in schedule(plan) if task.name not in _OTHERS}
    late = [f'time() - {_SUCCESS}{{task="{task}"}} > {limit}' for task, limit in limits.items()]
    never = [f'{_RUN}{{task="{task}"}} offset {limit}s' for task, limit in limits.items()]
    return Group(
        name="tasks",
        rules=[
            alert(
                "TaskOverdue",
                " or ".join(late),
                hold="15m",
                severity="warning",
                service="regops",
                summary="{{ $labels.task }} last did its work {{ $value | humanizeDuration }} ago",
                to_do="`regops status` and `regops history` show what is wrong or in its way.",
            ),
            alert(
                "TaskNeverSucceeded",
                f"({' or '.join(never)}) unless {_SUCCESS}",
                hold="15m",
                severity="warning",
                service="regops",
                summary="{{ $labels.task }} has run, but never done its work",
                to_do="`regops history --failed` shows how its runs ended.",
            ),
            alert(
                "NoTaskRuns",
                f"absent({_RUN}) and on () {SEEN}",
                hold="3h",
                severity="warning",
                service="regops",
                summary="No task has run yet",
                to_do="`systemctl list-timers 'regops-*'` shows whether they are due. Without systemd, cron starts them.",
            ),
            alert(
                "GcRefused",
                "regops_gc_refused > 0",
                hold="15m",
                severity="warning",
                service="regops",
                summary="Garbage collection refuses to start",
                to_do="`regops gc --dry-run` shows what it would delete, and which safety check is in the way, with its remedy.",
            ),
            *([_suspicious()] if plan.settings.backup.target else []),
        ],
    )


def _suspicious() -> Alert:
    return alert(
        "BackupSuspicious",
        "regops_backup_suspicious > 0",
        hold="15m",
        severity="warning",
        service="regops",
        summary="Much of the registry has gone since the last good backup",
        to_do="`regops backups diff latest now` shows what. If that was not meant to happen, `regops restore` brings it back; if "
        "it was, raise backup.max_loss.",
    )


def period_s(when: When) -> float:
    """Return the seconds from one run to the next, on average."""
    return _WEEK_S / (len(when.minutes or range(60)) * len(when.hours or range(24)) * len(when.weekdays or range(7)))


def _limit_s(task: Task) -> int:
    """Return for how many seconds a task may go without success: until the second run in a row should have ended."""
    if task.within_s:
        return task.within_s + task.limit_s
    return max(_HOUR_S, round(IN_A_ROW * period_s(task.when))) + task.spread_s + task.limit_s
