"""The gate's file: who holds it, until when, and who may take it over."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from ops.core.process import run
from ops.registry.read_only import Gate, GateError, Holder, drain, holder_of, writes_in_flight

METRICS = """\
# TYPE registry_http_in_flight_requests gauge
registry_http_in_flight_requests{handler="base"} 1
registry_http_in_flight_requests{handler="blob"} 7
registry_http_in_flight_requests{handler="blob_upload"} 2
registry_http_in_flight_requests{handler="blob_upload_chunk"} 1
registry_http_in_flight_requests{handler="manifest"} 1
registry_http_requests_total{code="200",handler="manifest",method="put"} 40
"""


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate" / "read-only", limit_s=60)


def test_it_says_until_when_and_for_whom_it_is_up(gate: Gate) -> None:
    gate.raise_("a task", "for a reason")
    until = int(gate.file.read_text()[:10])
    assert time.time() + 58 < until <= time.time() + 60
    holder = holder_of(gate.file)
    assert holder is not None
    assert (holder.by, holder.reason, holder.lives()) == ("a task", "for a reason", True)
    gate.lower()
    assert not gate.file.exists()
    gate.lower()


def test_one_that_is_up_is_left_to_its_holder(gate: Gate) -> None:
    gate.raise_("first", "reason of the first")
    with pytest.raises(GateError, match=r"first \(process \d+\) refuses writes: reason of the first"):
        Gate(gate.file).raise_("second", "")
    gate.file.write_text("")
    with pytest.raises(GateError, match="on purpose"):
        gate.raise_("second", "")
    assert gate.file.read_text() == ""


def test_one_of_a_task_that_has_died_is_taken_over(gate: Gate) -> None:
    code = "import sys; from pathlib import Path; from ops.registry.read_only import Gate; "
    code += "Gate(Path(sys.argv[1])).raise_('dead', '')"
    run([sys.executable, "-c", code, gate.file], timeout=30, cwd=PROJECT_FOLDER)
    left = gate.file.read_text()
    gate.clear()
    assert not gate.file.exists()
    gate.file.write_text(left)
    gate.raise_("a task", "")
    gate.clear()
    assert getattr(holder_of(gate.file), "by", "") == "a task"


def test_a_number_that_another_process_has_now_is_not_the_holder() -> None:
    assert not Holder("task", "", pid=1, started="another time").lives()


def test_it_is_kept_up_as_long_as_it_is_needed(gate: Gate) -> None:
    gate.limit_s = 2.0
    gate.raise_("a task", "")
    first = gate.file.read_text()
    gate.keep_up()
    assert gate.file.read_text() == first
    time.sleep(1.1)
    gate.keep_up()
    assert gate.file.read_text() > first
    gate.limit_s = 0.0
    gate.raise_ = lambda *_: None  # type: ignore[method-assign]
    gate._until = time.time()
    with pytest.raises(GateError, match="opened by itself"):
        gate.keep_up()


def test_one_that_somebody_has_removed_is_told(gate: Gate) -> None:
    gate.limit_s = 0.5
    gate.raise_("a task", "")
    gate.file.unlink()
    time.sleep(0.3)
    with pytest.raises(GateError, match="somebody has removed"):
        gate.keep_up()


def test_writes_under_way_are_waited_for_within_a_limit() -> None:
    counts = [2, 1, 0, 5]
    drain(lambda: counts.pop(0), limit_s=5)
    assert counts == [5]
    with pytest.raises(GateError, match="3 uploads are still under way"):
        drain(lambda: 3, limit_s=0.05)


def test_metrics_tell_how_many_writes_are_under_way() -> None:
    assert writes_in_flight(METRICS) == 4
    assert writes_in_flight("") == 0
