"""Metrics of tasks, as text files for the node exporter: https://github.com/prometheus/node_exporter#textfile-collector."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile
from prometheus_client.parser import text_string_to_metric_families

from ops.core import exit_codes

_SUCCESS = "regops_task_last_success_timestamp_seconds"


def write(folder: Path, task: str, *, ended: float, seconds: float, exit_code: int, figures: Mapping[str, float]) -> None:
    """Write the metrics of a run; if it failed, the time of the last success stays.

    Args:
        folder: Where the node exporter looks.
        task: What ran.
        ended: When, in seconds since 1970.
        seconds: How long it took.
        exit_code: How it ended.
        figures: The task's own metrics, by the end of their name: `regops_<task>_<name>`.

    Raises:
        OSError: The file cannot be written.
    """
    path = folder / f"regops-{task}.prom"
    succeeded: float | None = ended
    if exit_code not in exit_codes.SUCCESSFUL:
        before = last_success(path)
        succeeded = before if before is None else min(before, ended)  # later than now only by a clock that was ahead
    registry = CollectorRegistry()
    given: dict[str, tuple[str, float | None]] = {
        _SUCCESS: ("When the task last succeeded.", succeeded),
        "regops_task_last_run_timestamp_seconds": ("When the task last ended.", ended),
        "regops_task_duration_seconds": ("How long the last run took.", seconds),
        "regops_task_exit_code": ("How the last run ended.", exit_code),
    }
    for name, (text, value) in given.items():
        if value is not None:
            Gauge(name, text, ["task"], registry=registry).labels(task).set(value)
    for name, value in figures.items():
        Gauge(f"regops_{task.replace('-', '_')}_{name}", f"Of the last run of `regops {task}`.", registry=registry).set(value)
    publish(path, registry)


def publish(path: Path, registry: CollectorRegistry) -> None:
    """Write metrics to a file of the node exporter's folder, at once.

    Raises:
        OSError: The file cannot be written.
    """
    write_to_textfile(str(path), registry)
    path.chmod(0o644)  # the node exporter runs as another user


def last_success(path: Path) -> float | None:
    """Return when the task last succeeded according to its file; None if unknown."""
    try:
        families = list(text_string_to_metric_families(path.read_text()))
    except (OSError, ValueError):
        return None
    return next((sample.value for family in families for sample in family.samples if sample.name == _SUCCESS), None)
