"""The alerts of the host: disks, memory, pressure, and on a server the clock."""

from __future__ import annotations

from infra.plan import Plan
from stack_components.monitoring.rules import Alert, Group, alert

_DISKS = '{disk!=""}'
_FREE_INODES = f"node_filesystem_files_free{_DISKS}"
_INODES = f"{_FREE_INODES} / (node_filesystem_files{_DISKS} > 0)"
_FIND_INODES = (
    "`du -x --inodes --max-depth=2` shows where they are. Delete tags and run `regops gc`; `regops snapshot` shows what deleting "
    "snapshots would free."
)


def host(plan: Plan) -> Group:
    """Return the alerts of the host. A clock is looked at on a server; on a machine of one's own it is its owner's business."""
    clock = [] if plan.settings.is_local else _clock()
    return Group(name="host", rules=[*_disks(), *_memory(), _text_files(), *clock])


def _disks() -> list[Alert]:
    free = f"node_filesystem_avail_bytes{_DISKS}"
    share = f"{free} / node_filesystem_size_bytes{_DISKS}"
    to_do = "`du -xh --max-depth=2` shows what takes the space. Delete tags and run `regops gc`, or enlarge the volume."
    return [
        alert(
            "DiskAlmostFull",
            f"{share} < 0.15",
            hold="10m",
            severity="warning",
            service="host",
            summary="{{ $value | humanizePercentage }} of the {{ $labels.disk }} disk is left",
            to_do=f"Pushes fail once it is full. {to_do}",
        ),
        alert(
            "InodesAlmostUsedUp",
            f"{_INODES} < 0.15",
            hold="10m",
            severity="warning",
            service="host",
            summary="{{ $value | humanizePercentage }} of the inodes of the {{ $labels.disk }} disk are left",
            to_do=f"Each file and folder takes one; pushes fail once they are used up. {_FIND_INODES}",
        ),
        alert(
            "DiskFullSoon",
            f"predict_linear({free}[6h], 4 * 86400) < 0 and {share} < 0.4",
            hold="1h",
            severity="warning",
            service="host",
            summary="At this rate the {{ $labels.disk }} disk will be full within four days",
            to_do=f"Find out what is growing. {to_do}",
        ),
        alert(
            "InodesUsedUpSoon",
            f"predict_linear({_FREE_INODES}[6h], 4 * 86400) < 0 and {_INODES} < 0.4",
            hold="1h",
            severity="warning",
            service="host",
            summary="At this rate the inodes of the {{ $labels.disk }} disk will be used up within four days",
            to_do=f"Find out what is growing. {_FIND_INODES}",
        ),
    ]


def _memory() -> list[Alert]:
    return [
        # cAdvisor does not count one that has taken its whole container with it, and is not on every stack.
        alert(
            "OutOfMemory",
            "increase(node_vmstat_oom_kill[1h]) > 0",
            hold=None,
            severity="critical",
            service="host",
            summary="The kernel has killed a process because its memory limit, or the host's memory, was used up",
            to_do="`regops status` shows for a day which service has ended by itself. Raise limits.<service>.memory_mib.",
        ),
        alert(
            "HostMemoryPressure",
            "rate(node_pressure_memory_stalled_seconds_total[5m]) > 0.1",
            hold="10m",
            severity="warning",
            service="host",
            summary="The host is short of memory: everything stands still {{ $value | humanizePercentage }} of the time",
            to_do="`ps aux --sort=-rss` shows what takes it. Lower limits.<service>.memory_mib of what can do with less, or take "
            "a larger server.",
        ),
        alert(
            "DiskSaturated",
            "rate(node_pressure_io_stalled_seconds_total[10m]) > 0.6",
            hold="30m",
            severity="warning",
            service="host",
            summary="The disk is overloaded: everything waits for it {{ $value | humanizePercentage }} of the time",
            to_do="Find what keeps it busy (`iostat -x 5`, `regops history`): a backup, a garbage collection, a neighbour.",
        ),
    ]


def _text_files() -> Alert:
    return alert(
        "TaskMetricsBroken",
        "node_textfile_scrape_error > 0",
        hold="15m",
        severity="warning",
        service="node-exporter",
        summary="Metrics of tasks cannot be read",
        to_do="Alerts about the tasks cannot fire until they can. The node exporter's log names the file in data/metrics; delete "
        "it, and its task writes it again.",
    )


def _clock() -> list[Alert]:
    offset = "node_timex_offset_seconds"
    return [
        alert(
            "ClockNotSynchronised",
            "max_over_time(node_timex_sync_status[10m]) == 0 and node_timex_maxerror_seconds >= 16",
            hold="10m",
            severity="warning",
            service="host",
            summary="The host's clock is not synchronised with a time server",
            to_do="Tokens and certificates depend on it: logins fail once it is minutes off. See `timedatectl timesync-status`.",
        ),
        alert(
            "ClockSkewed",
            f"({offset} > 0.05 and deriv({offset}[10m]) >= 0) or ({offset} < -0.05 and deriv({offset}[10m]) <= 0)",
            hold="10m",
            severity="warning",
            service="host",
            summary="The host's clock is off by {{ $value | humanizeDuration }}, and not getting nearer",
            to_do="Tokens and certificates depend on it. See `timedatectl timesync-status`.",
        ),
    ]
