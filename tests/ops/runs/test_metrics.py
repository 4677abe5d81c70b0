"""Metrics of tasks, as Prometheus' own reader finds them."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from ops.runs.metrics import last_success, write


def values(folder: Path, task: str = "gc") -> dict[str, float]:
    """The values in a task's file, by name."""
    families = text_string_to_metric_families((folder / f"regops-{task}.prom").read_text())
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_a_run_is_measured(tmp_path: Path) -> None:
    write(tmp_path, "gc", ended=1000.5, seconds=2.5, exit_code=0, figures={"freed_bytes": 7.0})
    assert values(tmp_path) == {
        "regops_task_last_success_timestamp_seconds": 1000.5,
        "regops_task_last_run_timestamp_seconds": 1000.5,
        "regops_task_duration_seconds": 2.5,
        "regops_task_exit_code": 0,
        "regops_gc_freed_bytes": 7.0,
    }


def test_a_failure_keeps_the_time_of_the_last_success(tmp_path: Path) -> None:
    write(tmp_path, "gc", ended=1000.0, seconds=1.0, exit_code=3, figures={})
    write(tmp_path, "gc", ended=2000.0, seconds=1.0, exit_code=1, figures={})
    found = values(tmp_path)
    assert found["regops_task_last_success_timestamp_seconds"] == 1000.0
    assert found["regops_task_last_run_timestamp_seconds"] == 2000.0
    assert found["regops_task_exit_code"] == 1


def test_a_success_by_a_clock_that_was_ahead_is_not_later_than_now(tmp_path: Path) -> None:
    write(tmp_path, "gc", ended=9000.0, seconds=1.0, exit_code=0, figures={})
    write(tmp_path, "gc", ended=2000.0, seconds=1.0, exit_code=75, figures={})
    assert values(tmp_path)["regops_task_last_success_timestamp_seconds"] == 2000.0


def test_a_task_that_never_succeeded_has_no_time_of_success(tmp_path: Path) -> None:
    write(tmp_path, "gc", ended=1000.0, seconds=1.0, exit_code=75, figures={})
    assert "regops_task_last_success_timestamp_seconds" not in values(tmp_path)


def test_a_damaged_file_is_rewritten(tmp_path: Path) -> None:
    (tmp_path / "regops-gc.prom").write_text("regops_task_last_success_timestamp_seconds{ 12 34 oops")
    assert last_success(tmp_path / "regops-gc.prom") is None
    write(tmp_path, "gc", ended=1000.0, seconds=1.0, exit_code=1, figures={})
    assert values(tmp_path)["regops_task_exit_code"] == 1


def test_everybody_may_read_it(tmp_path: Path) -> None:
    write(tmp_path, "gc", ended=1000.0, seconds=1.0, exit_code=0, figures={})
    assert (tmp_path / "regops-gc.prom").stat().st_mode & 0o777 == 0o644
