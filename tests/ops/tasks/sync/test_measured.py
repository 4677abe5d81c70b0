"""The metrics of the mirror, as Prometheus' own reader finds them."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ops.core.files import write_atomic
from ops.stack.stack import Stack
from ops.tasks.sync.measured import FILE, MOST_NAMED, write_metrics
from ops.tasks.sync.status import standing
from tests.ops.tasks.sync.mirror_samples import catalogue, edit, remember, stack_with_mirror


def values(stack: Stack) -> dict[tuple[str, ...], float]:
    """Write the metrics; return them by name and labels."""
    assert stack.config.sync is not None
    write_metrics(stack.root / "metrics", standing(stack, stack.config.sync))
    families = text_string_to_metric_families((stack.root / "metrics" / FILE).read_text())
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_how_many_fare_how_and_when_each_was_well(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path, 5)
    edit(stack, catalogue(5, 4))
    remember(stack, age_s=7200)
    remember(stack, {0: 1, 1: 5}, pulls=12)
    found = values(stack)
    states = {name[1]: value for name, value in found.items() if name[0] == "regops_mirror_entries"}
    assert states == {
        "unchanged": 2,
        "changed": 0,
        "failed": 1,
        "waiting": 0,
        "skipped": 0,
        "quarantined": 1,
        "unknown": 0,
        "off": 1,
    }
    assert found["regops_mirror_quarantined",] == 1
    assert found["regops_mirror_pulls_remaining", "docker.io"] == 12
    ended = found["regops_mirror_last_run_timestamp_seconds",]
    well = {name[1]: ended - value for name, value in found.items() if name[0] == "regops_mirror_entry_last_success_seconds"}
    assert {name.rpartition("/")[2]: round(age / 100) for name, age in well.items()} == {
        "app0": 72,
        "app1": 72,
        "app2": 0,
        "app3": 0,
    }
    assert round((ended - found["regops_mirror_oldest_success_seconds",]) / 100) == 72


def test_one_that_never_was_well_is_at_zero(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path, 2)
    found = values(stack)
    assert ("regops_mirror_last_run_timestamp_seconds",) not in found
    assert found["regops_mirror_entries", "unknown"] == 2
    assert found["regops_mirror_entry_last_success_seconds", "docker.io/team/app0"] == 0
    assert found["regops_mirror_oldest_success_seconds",] == 0


def test_of_two_with_one_name_the_worse_one_counts(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path, 2)
    edit(stack, catalogue(2).replace(b"source: docker.io/team/app1", b"source: docker.io/team/app0"))
    remember(stack, {1: 1})
    assert values(stack)["regops_mirror_entry_last_success_seconds", "docker.io/team/app0"] == 0


def test_of_many_entries_those_are_named_that_are_not_well(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path, MOST_NAMED + 1)
    remember(stack, {7: 2, 500: 5})
    named = [name[1] for name in values(stack) if name[0] == "regops_mirror_entry_last_success_seconds"]
    assert sorted(named) == ["docker.io/team/app500", "docker.io/team/app7"]
    remember(stack, dict.fromkeys(range(MOST_NAMED + 1), 1))
    named = [name[1] for name in values(stack) if name[0] == "regops_mirror_entry_last_success_seconds"]
    assert len(named) == MOST_NAMED, "of a registry that is away the file does not become large"
    assert (stack.root / "metrics" / FILE).stat().st_size < 100_000


@pytest.mark.parametrize("odd", ['docker.io/te"am', "docker.io/te\\nam", "ü{}"])
def test_names_are_escaped(tmp_path: Path, odd: str) -> None:
    stack = stack_with_mirror(tmp_path, 1)
    edit(stack, f"version: 1\nsync:\n  - source: '{odd}'\n    target: registry.example.com/a\n    type: repository\n".encode())
    assert values(stack)["regops_mirror_entry_last_success_seconds", odd] == 0


def test_everybody_may_read_it_and_it_is_replaced_whole(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path, 1)
    write_atomic(stack.root / "metrics" / FILE, "regops_mirror_quarantined{ oops")
    assert values(stack)
    assert (stack.root / "metrics" / FILE).stat().st_mode & 0o777 == 0o644
    assert [path.name for path in (stack.root / "metrics").iterdir()] == [FILE]
