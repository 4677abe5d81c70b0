"""The alerts of containers: their memory, their CPU, and whether they go on running."""

from __future__ import annotations

from infra.plan import Plan
from stack_components.monitoring.prometheus import prometheus_config
from stack_components.monitoring.rules import Alert, Group, alert

_OWN = 'name!=""'


def containers(plan: Plan, logs: str) -> Group:
    """Return the alerts of containers.

    Args:
        plan: What runs.
        logs: The command that shows a service's log, but for the service's name.
    """
    named = f"{logs}-{{{{ $labels.name }}}}"
    return Group(
        name="containers",
        rules=[
            alert(
                "ContainersNotMeasured",
                f'absent(container_last_seen{{{_OWN}}}) and on () up{{job="cadvisor"}} == 1',
                hold="15m",
                severity="warning",
                service="cadvisor",
                summary="cAdvisor sees no containers",
                to_do=f"It looks for the Docker engine only when it starts: restart its container, then see `{logs}-cadvisor`.",
            ),
            alert(
                "ContainerMemoryLow",
                f"container_memory_working_set_bytes{{{_OWN}}} / (container_spec_memory_limit_bytes{{{_OWN}}} > 0) > 0.9",
                hold="10m",
                severity="warning",
                service="{{ $labels.name }}",
                summary="{{ $labels.name }} uses {{ $value | humanizePercentage }} of its memory limit",
                to_do="Raise limits.{{ $labels.name }}.memory_mib if the host has memory to spare.",
            ),
            alert(
                "ContainerOutOfMemory",
                f"increase(container_oom_events_total{{{_OWN}}}[10m]) > 0",
                hold=None,
                severity="critical",
                service="{{ $labels.name }}",
                summary="{{ $labels.name }} was OOM-killed",
                to_do=f"See `{named}`, then raise limits.{{{{ $labels.name }}}}.memory_mib.",
            ),
            alert(
                "ContainerThrottled",
                f"increase(container_cpu_cfs_throttled_periods_total{{{_OWN}}}[15m])"
                f" / (increase(container_cpu_cfs_periods_total{{{_OWN}}}[15m]) > 0) > 0.5",
                hold="30m",
                severity="warning",
                service="{{ $labels.name }}",
                summary="{{ $labels.name }} is held up by its CPU limit {{ $value | humanizePercentage }} of the time",
                to_do="It works, but slowly. Raise limits.{{ $labels.name }}.cpus if the host has cores to spare.",
            ),
            *_without_metrics(plan, named),
        ],
    )


def _without_metrics(plan: Plan, named: str) -> list[Alert]:
    """Return the alerts of services that Prometheus cannot ask: only their containers are seen."""
    asked = {job.job_name for job in prometheus_config(plan).scrape_configs}
    asked |= {"cache"} if plan.runs("redis-exporter") else set()
    names = [name for name in plan.services if name not in asked]
    gone = " or ".join(f'absent(container_last_seen{{name="{name}"}})' for name in names)
    return [
        alert(
            "ServiceStopped",
            f"({gone}) and on () count(container_last_seen{{{_OWN}}}) > 0",
            hold="5m",
            severity="warning",
            service="{{ $labels.name }}",
            summary="{{ $labels.name }} is not running",
            to_do=f"`docker ps -a` shows since when, `{named}` why. Running `up` restores what is missing.",
        ),
        alert(
            "ContainerRestarts",
            f'changes(container_start_time_seconds{{name=~"{"|".join(names)}"}}[30m]) >= 2',
            hold=None,
            severity="warning",
            service="{{ $labels.name }}",
            summary="{{ $labels.name }} was restarted {{ $value }} times in half an hour",
            to_do=f"`{named}` shows its last words. Out of memory? Then ContainerOutOfMemory fires too.",
        ),
    ]
