"""When each alert of the host, of a server and of its tasks fires, and when it stays quiet."""

from __future__ import annotations

from tests.stack_components.monitoring.alert_cases import DISK, INODES, SUCCESS, Case

_HOST = {"instance": "n", "job": "node-exporter"}
_LABELS = 'instance="n",job="node-exporter"'
_PRESSURE = "node_pressure_%s_stalled_seconds_total"
_SYNC, _ERROR, _OFFSET = "node_timex_sync_status", "node_timex_maxerror_seconds", "node_timex_offset_seconds"
_WRITTEN = f'node_textfile_mtime_seconds{{file="%s",{_LABELS}}}'
_FAILED, _RESTARTS = 'regops_unit_failed{unit="%s"}', 'regops_unit_restarts{unit="docker.service"}'
_DOCKER = {"unit": "docker.service"}
_RUN = f'regops_task_last_run_timestamp_seconds{{task="%s",{_LABELS}}}'
_DONE = f'regops_task_last_success_timestamp_seconds{{task="%s",{_LABELS}}}'
_CONNTRACK = "regops_conntrack_%s"
_OUTBOX = 'regops_outbox_%s{channel="phone"}'

FIRING = [
    Case(
        "snapshots by the hour",
        "InodesUsedUpSoon",
        {INODES % "_free": "390-0.1x300", INODES % "": "1000x300"},
        "62m",
        "At this rate the inodes of the data disk will be used up within four days",
        {"disk": "data"},
    ),
    Case(
        "a fifth of the time",
        "HostMemoryPressure",
        {_PRESSURE % "memory": "0+6x60"},
        "16m",
        "The host is short of memory: everything stands still 20% of the time",
    ),
    Case(
        "nearly all of the time",
        "DiskSaturated",
        {_PRESSURE % "io": "0+24x120"},
        "42m",
        "The disk is overloaded: everything waits for it 80% of the time",
    ),
    Case(
        "a file that is no metrics",
        "TaskMetricsBroken",
        {"node_textfile_scrape_error": "1x60"},
        "15m",
        "Metrics of tasks cannot be read",
    ),
    Case(
        "no time server answers",
        "ClockNotSynchronised",
        {_SYNC: "1x10 0x80", _ERROR: "16x90"},
        "30m",
        "The host's clock is not synchronised with a time server",
    ),
    Case("it runs away", "ClockSkewed", {_OFFSET: "0.1x60"}, "15m", "The host's clock is off by 100ms, and not getting nearer"),
    Case("backwards", "ClockSkewed", {_OFFSET: "-0.1x60"}, "15m", "The host's clock is off by -100ms, and not getting nearer"),
    Case(
        "the timers are stopped",
        "TaskMetricsStale",
        {_WRITTEN % "gc": "0x200", _WRITTEN % "notify": "600x200"},
        "46m",
        "No task has reported anything for 36m 0s",
        _HOST,
    ),
    Case(
        "Docker did not come up",
        "UnitFailed",
        {_FAILED % "docker.service": "1x60"},
        "15m",
        "docker.service has failed",
        _DOCKER,
    ),
    Case(
        "three times within the hour",
        "UnitRestarts",
        {_RESTARTS: "0x10 1x10 2x10 4x100"},
        "30m",
        "systemd keeps restarting docker.service",
        _DOCKER,
    ),
    Case(
        "errors of the disk below Docker",
        "DiskReadOnly",
        {'regops_disk_read_only{disk="docker"}': "1x40"},
        "10m",
        "The docker disk has become read-only",
        {"disk": "docker"},
    ),
    Case(
        "a flood of clients",
        "ConntrackAlmostFull",
        {_CONNTRACK % "entries": "210000x60", _CONNTRACK % "limit": "262144x60"},
        "10m",
        "The kernel's table of connections is 80.11% full",
    ),
    Case(
        "the domain has lapsed",
        "NameNotResolved",
        {"regops_name_resolves": "0x60"},
        "15m",
        "The registry's name does not exist in DNS",
    ),
    Case(
        "one waits for an hour",
        "MessagesWait",
        {_OUTBOX % "oldest_seconds": "4000x60", _OUTBOX % "dead": "0x60"},
        "15m",
        "Messages do not reach phone",
        {"channel": "phone"},
    ),
    Case(
        "one was given up",
        "MessagesWait",
        {_OUTBOX % "oldest_seconds": "0x60", _OUTBOX % "dead": "1x60"},
        "15m",
        "Messages do not reach phone",
        {"channel": "phone"},
    ),
    *(
        Case(
            f"{task} was not done twice in a row",
            "TaskOverdue",
            {SUCCESS % task: "0x5000", SUCCESS % "doctor": "0+300x5000"},
            f"{minutes}m",
            f"{task} last did its work {ago} ago",
            {"task": task},
            "5m",
        )
        for task, minutes, ago in (
            ("backup", 1060, "17h 40m 0s"),
            ("changes", 90, "1h 30m 0s"),
            ("notify", 85, "1h 25m 0s"),
        )
    ),
    Case(
        "two canaries were never pushed",
        "TaskNeverSucceeded",
        {_RUN % "doctor": "60x600", _RUN % "gc": "60x600", _DONE % "gc": "60x600"},
        "156m",
        "doctor has run, but never done its work",
        {"task": "doctor", **_HOST},
    ),
    Case(
        "a repository of half of all blobs was deleted",
        "GcRefused",
        {"regops_gc_refused": "1x60"},
        "15m",
        "Garbage collection refuses to start",
    ),
    Case(
        "half of all tags are gone",
        "BackupSuspicious",
        {"regops_backup_suspicious": "1x60"},
        "15m",
        "Much of the registry has gone since the last good backup",
    ),
]
QUIET = [
    Case("half is left", "InodesUsedUpSoon", {INODES % "_free": "500-0.1x300", INODES % "": "1000x300"}, "62m"),
    Case("nothing changes", "InodesUsedUpSoon", {INODES % "_free": "200x300", INODES % "": "1000x300"}, "90m"),
    Case("it is space that goes", "InodesUsedUpSoon", {DISK % "avail": "390-0.1x300", DISK % "size": "1000x300"}, "62m"),
    Case("a second in a hundred", "HostMemoryPressure", {_PRESSURE % "memory": "0+0.3x60"}, "16m"),
    Case("a backup of twenty minutes", "DiskSaturated", {_PRESSURE % "io": "0x20 0+24x40 960x60"}, "50m"),
    Case("all can be read", "TaskMetricsBroken", {"node_textfile_scrape_error": "0x60"}, "20m"),
    Case("a time server answers", "ClockNotSynchronised", {_SYNC: "0x10 1x80", _ERROR: "16x90"}, "30m"),
    Case("it was synchronised a moment ago", "ClockNotSynchronised", {_SYNC: "0x90", _ERROR: "1x90"}, "30m"),
    Case("it is being put right", "ClockSkewed", {_OFFSET: "0.3-0.002x90"}, "15m"),
    Case(
        "the rarest tasks were last written a week ago",
        "TaskMetricsStale",
        {_WRITTEN % "gc": "0x200", _WRITTEN % "notify": "0+30x200"},
        "60m",
    ),
    Case("it has failed for five minutes", "UnitFailed", {_FAILED % "docker.service": "0x20 1x10 0x60"}, "16m"),
    Case("all run", "UnitFailed", {_FAILED % "docker.service": "0x60"}, "20m"),
    Case("it was restarted once", "UnitRestarts", {_RESTARTS: "0x10 1x100"}, "30m"),
    Case("it can be written to", "DiskReadOnly", {'regops_disk_read_only{disk="docker"}': "0x40"}, "15m"),
    Case(
        "half of it is taken",
        "ConntrackAlmostFull",
        {_CONNTRACK % "entries": "131072x60", _CONNTRACK % "limit": "262144x60"},
        "20m",
    ),
    Case(
        "a flood of five minutes",
        "ConntrackAlmostFull",
        {_CONNTRACK % "entries": "9000x20 262144x10 9000x60", _CONNTRACK % "limit": "262144x90"},
        "16m",
    ),
    Case("it can be looked up again", "NameNotResolved", {"regops_name_resolves": "0x20 1x60"}, "16m"),
    Case("one waits for a minute", "MessagesWait", {_OUTBOX % "oldest_seconds": "60x60", _OUTBOX % "dead": "0x60"}, "20m"),
    Case("one backup was not made", "TaskOverdue", {SUCCESS % "backup": "0x5000"}, "1020m", evaluated="5m"),
    Case("the last drill was a week ago", "TaskOverdue", {SUCCESS % "drill": "0x23100"}, "11500m", evaluated="5m"),
    Case("the mirror has alerts of its own", "TaskOverdue", {SUCCESS % "sync": "0x5000"}, "2000m", evaluated="5m"),
    Case("its first run failed", "TaskNeverSucceeded", {_RUN % "doctor": "_x200 60x100"}, "149m"),
    Case("it has worked once", "TaskNeverSucceeded", {_RUN % "doctor": "60x600", _DONE % "doctor": "60x600"}, "200m"),
    Case("it has collected", "GcRefused", {"regops_gc_refused": "0x60"}, "20m"),
    Case("the check was overridden at once", "GcRefused", {"regops_gc_refused": "0x20 1x20 0x60"}, "21m"),
    Case("little is gone", "BackupSuspicious", {"regops_backup_suspicious": "0x60"}, "20m"),
]
