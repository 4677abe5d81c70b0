"""The dashboard of the host and its containers: what is short."""

from __future__ import annotations

from stack_components.monitoring.dashboards.board import ALERTS, STARTS, Choice, Row, board
from stack_components.monitoring.dashboards.panels import RATE, Panel, graph, up_or_down
from stack_components.monitoring.dashboards.shown import Shown

UID = "host"
_NAMED = 'name=~"$name",name!=""'
_JOBS = 'job=~"$job"'


def host(shown: Shown) -> str:
    """Return the dashboard of host and containers: utilisation, saturation and errors of each resource."""
    node, containers = shown.runs("node-exporter"), shown.runs("cadvisor")
    rows = [
        Row("CPU", [_cpu()] if node else []),
        Row("Memory", [_memory()] if node else []),
        Row("Disks", [_disks(), _space()] if node else []),
        Row("Containers", _containers() if containers else []),
        Row("Processes", [_processes()]),
        Row("Monitoring itself", [_monitoring()]),
    ]
    name = Choice("name", "Container", 'container_last_seen{name!=""}')
    choices = [*([name] if containers else []), Choice("job", "Service", "process_start_time_seconds")]
    return board(UID, "Host and containers", "What is short: CPU, memory, disk?", rows, choices=choices, marks=(ALERTS, STARTS))


def _cpu() -> list[Panel]:
    cores = 'count(node_cpu_seconds_total{mode="idle"})'
    mode = f'sum by (mode) (rate(node_cpu_seconds_total{{mode!="idle"}}{RATE})) / scalar({cores})'
    load = {"load (1 min)": "node_load1", "cores": cores}
    off = {"clock is off by up to": "node_timex_maxerror_seconds", "clock is off by about": "abs(node_timex_offset_seconds)"}
    return [
        graph("Used", "percentunit", {"{{mode}}": mode}, highest=1, stacked=True),
        graph("Wanted: share of time in which something waits", "percentunit", {"waits": _pressure("cpu")}),
        graph("Load", "none", load),
        graph("Clock", "s", off, what="Tokens and TLS need a right one."),
    ]


def _memory() -> list[Panel]:
    kinds = ("MemAvailable", "Cached", "SwapFree")
    kills = {"processes": f"increase(node_vmstat_oom_kill{RATE})"}
    return [
        graph("Used", "percentunit", {"memory": "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes"}, highest=1),
        graph("Wanted: share of time in which something waits", "percentunit", {"waits": _pressure("memory")}),
        graph("Killed for lack of memory", "none", kills),
        graph("What there is", "bytes", {kind: f"node_memory_{kind}_bytes" for kind in kinds}),
    ]


def _disks() -> list[Panel]:
    data = {"{{device}} read": _disk("read_bytes_total"), "{{device}} written": _disk("written_bytes_total")}
    return [
        graph("Used: share of time that it is busy", "percentunit", {"{{device}}": _disk("io_time_seconds_total")}, highest=1),
        graph("Wanted: share of time in which something waits", "percentunit", {"waits": _pressure("io")}),
        graph("Data", "Bps", data),
    ]


def _space() -> list[Panel]:
    size, free = 'node_filesystem_size_bytes{disk!=""}', 'node_filesystem_avail_bytes{disk!=""}'
    inodes = 'node_filesystem_files_free{disk!=""} / (node_filesystem_files{disk!=""} > 0)'
    readable = {"{{disk}}": 'max by (disk) (node_filesystem_readonly{disk!=""})'}
    return [
        graph("Free space", "percentunit", {"{{disk}}": f"max by (disk) ({free} / {size})"}, highest=1),
        graph("Free inodes", "percentunit", {"{{disk}}": f"max by (disk) ({inodes})"}, highest=1),
        graph(
            "Free in four days, at the rate of the last six hours",
            "bytes",
            {"{{disk}}": f"max by (disk) (clamp_min(predict_linear({free}[6h], 4 * 86400), 0))"},
        ),
        graph("Read-only", "none", readable, what="1 if the kernel has made it read-only after an error.", highest=1),
    ]


def _containers() -> list[list[Panel]]:
    quota = f"container_spec_cpu_quota{{{_NAMED}}} / container_spec_cpu_period{{{_NAMED}}}"
    cpu = f"sum by (name) (rate(container_cpu_usage_seconds_total{{{_NAMED}}}{RATE})) / on (name) max by (name) ({quota})"
    throttled = f"sum by (name) (rate(container_cpu_cfs_throttled_periods_total{{{_NAMED}}}{RATE}))"
    periods = f"sum by (name) (rate(container_cpu_cfs_periods_total{{{_NAMED}}}{RATE}))"
    limit = f"container_spec_memory_limit_bytes{{{_NAMED}}} > 0"
    memory = f"max by (name) (container_memory_working_set_bytes{{{_NAMED}}} / ({limit}))"
    kills = f"sum by (name) (increase(container_oom_events_total{{{_NAMED}}}{RATE}))"
    starts = f"max by (name) (changes(container_start_time_seconds{{{_NAMED}}}[1h]))"
    network = {
        "{{name}} receives": f"sum by (name) (rate(container_network_receive_bytes_total{{{_NAMED}}}{RATE}))",
        "{{name}} sends": f"sum by (name) (rate(container_network_transmit_bytes_total{{{_NAMED}}}{RATE}))",
    }
    return [
        [
            graph("CPU used, of the limit", "percentunit", {"{{name}}": cpu}),
            graph(
                "CPU wanted: share of time in which it was held back",
                "percentunit",
                {"{{name}}": f"{throttled} / {periods}"},
                highest=1,
            ),
            graph("Network", "Bps", network),
        ],
        [
            graph("Memory used, of the limit", "percentunit", {"{{name}}": memory}, highest=1),
            graph("Killed for lack of memory", "none", {"{{name}}": kills}),
            graph("Starts within an hour", "none", {"{{name}}": starts}),
        ],
    ]


def _processes() -> list[Panel]:
    files = f"max by (job) (process_open_fds{{{_JOBS}}} / process_max_fds{{{_JOBS}}})"
    return [
        graph("CPU cores used", "none", {"{{job}}": f"sum by (job) (rate(process_cpu_seconds_total{{{_JOBS}}}{RATE}))"}),
        graph("Memory", "bytes", {"{{job}}": f"sum by (job) (process_resident_memory_bytes{{{_JOBS}}})"}),
        graph("Open files, of those allowed", "percentunit", {"{{job}}": files}, highest=1),
    ]


def _monitoring() -> list[Panel]:
    return [
        up_or_down("What Prometheus reaches", {"{{job}}": "min by (job) (up)"}),
        graph("Time of a scrape", "s", {"{{job}}": "max by (job) (scrape_duration_seconds)"}),
        graph("Series", "none", {"series": "prometheus_tsdb_head_series"}),
        graph("Samples on the disk", "bytes", {"blocks": "prometheus_tsdb_storage_blocks_bytes"}),
    ]


def _pressure(kind: str) -> str:
    return f"rate(node_pressure_{kind}_waiting_seconds_total{RATE})"


def _disk(metric: str) -> str:
    return f"rate(node_disk_{metric}{RATE})"
