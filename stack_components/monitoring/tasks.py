"""The alerts of the scheduled tasks: they also fire when nothing on the host is left that could report anything."""

from __future__ import annotations

from infra.plan import Plan
from infra.server.schedule import Task, When, schedule
from stack_components.monitoring.rules import Group, alert

_HOUR_S, _WEEK_S = 3600, 7 * 86_400
# As `regops` sees it: one run that something was in the way of is nobody's business.
_IN_A_ROW = 2
_SUCCESS = "regops_task_last_success_timestamp_seconds"


def tasks(plan: Plan) -> Group:
    """Return the alerts of a server's tasks."""
    late = [f'time() - {_SUCCESS}{{task="{task.name}"}} > {_limit_s(task)}' for task in schedule(plan)]
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
                "NoTaskRuns",
                "absent(regops_task_last_run_timestamp_seconds)",
                hold="3h",
                severity="warning",
                service="regops",
                summary="No task has run yet",
                to_do="`systemctl list-timers 'regops-*'` shows whether they are due. Without systemd, cron starts them.",
            ),
        ],
    )


def period_s(when: When) -> float:
    """Return the seconds from one run to the next, on average."""
    return _WEEK_S / (len(when.minutes or range(60)) * len(when.hours or range(24)) * len(when.weekdays or range(7)))


def _limit_s(task: Task) -> int:
    """Return for how many seconds a task may go without success: until the second run in a row should have ended."""
    if task.within_s:
        return task.within_s + task.limit_s
    return max(_HOUR_S, round(_IN_A_ROW * period_s(task.when))) + task.spread_s + task.limit_s
