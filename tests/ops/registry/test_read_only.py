"""Read-only mode's file: who turned it on, until when, and who may take it over."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from ops.core.process import run
from ops.registry.holds import Hold
from ops.registry.read_only import (
    Holder,
    ReadOnlyMode,
    ReadOnlyModeBusyError,
    ReadOnlyModeError,
    WritesInFlight,
    drain,
    holder_of,
    writes_in_flight,
)

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
def mode(tmp_path: Path) -> ReadOnlyMode:
    return ReadOnlyMode(tmp_path / "gate" / "read-only", limit_s=60)


def test_its_file_says_until_when_and_for_whom_it_is_on(mode: ReadOnlyMode) -> None:
    mode.turn_on("a task", "for a reason")
    until = int(mode.file.read_text()[:10])
    assert time.time() + 58 < until <= time.time() + 60
    holder = holder_of(mode.file)
    assert holder is not None
    assert (holder.by, holder.reason, holder.lives()) == ("a task", "for a reason", True)
    mode.turn_off()
    assert not mode.file.exists()
    mode.turn_off()


def test_one_that_is_on_is_left_to_its_holder(mode: ReadOnlyMode) -> None:
    mode.turn_on("first", "reason of the first")
    with pytest.raises(ReadOnlyModeError, match=r"first \(process \d+\) has turned on read-only mode: reason of the first"):
        ReadOnlyMode(mode.file).turn_on("second", "")
    mode.file.write_text("")
    with pytest.raises(ReadOnlyModeError, match="by hand"):
        mode.turn_on("second", "")
    assert mode.file.read_text() == ""


def die_in(mode: ReadOnlyMode, limit_s: float = 120.0) -> str:
    """Let a task die in read-only mode; return what it leaves in the file."""
    code = "import sys; from pathlib import Path; from ops.registry.read_only import ReadOnlyMode; "
    code += f"ReadOnlyMode(Path(sys.argv[1]), {limit_s}).turn_on('dead', '')"
    run([sys.executable, "-c", code, mode.file], timeout=30, cwd=PROJECT_FOLDER)
    return mode.file.read_text()


def test_one_of_a_task_that_has_died_is_taken_over(mode: ReadOnlyMode) -> None:
    left = die_in(mode)
    mode.turn_off_if_orphaned()
    assert not mode.file.exists()
    mode.file.write_text(left)
    mode.turn_on("a task", "")
    mode.turn_off_if_orphaned()
    assert getattr(holder_of(mode.file), "by", "") == "a task"


def test_it_is_noted_for_how_long_writes_were_held(mode: ReadOnlyMode) -> None:
    noted: list[Hold] = []
    mode.note = noted.append
    began = time.time()
    mode.turn_on("a task", "")
    mode.changed = 7
    time.sleep(0.2)
    mode.turn_off()
    mode.turn_off()
    (hold,) = noted
    assert (hold.by, hold.files) == ("a task", 7)
    assert began <= hold.began < began + 0.15
    assert 0.2 <= hold.seconds < 5
    mode.turn_on("a task", "")
    mode.turn_off()
    assert noted[-1].files == 0, "what was changed before is counted once"


@pytest.mark.parametrize("again", [ReadOnlyMode.turn_off_if_orphaned, lambda mode: mode.turn_on("another", "")])
def test_a_task_that_has_died_held_writes_until_its_file_expired(
    mode: ReadOnlyMode, again: Callable[[ReadOnlyMode], None]
) -> None:
    noted: list[Hold] = []
    mode.note = noted.append
    die_in(mode, limit_s=1.0)
    time.sleep(2.0)
    again(mode)
    (hold,) = noted
    assert hold.by == "dead"
    assert hold.seconds <= 1.0


def test_what_cannot_be_noted_keeps_nobody_from_writing(mode: ReadOnlyMode) -> None:
    def full(_: Hold) -> None:
        raise OSError("no space")

    mode.note = full
    mode.turn_on("a task", "")
    mode.turn_off()
    assert not mode.file.exists()


def test_a_number_that_another_process_has_now_is_not_the_holder() -> None:
    assert not Holder("task", "", pid=1, started="another time").lives()


def test_it_is_extended_as_long_as_it_is_needed(mode: ReadOnlyMode) -> None:
    mode.limit_s = 2.0
    mode.turn_on("a task", "")
    first = mode.file.read_text()
    mode.extend()
    assert mode.file.read_text() == first
    time.sleep(1.1)
    mode.extend()
    assert mode.file.read_text() > first
    mode.limit_s = 0.0
    mode.turn_on = lambda *_: None  # type: ignore[method-assign]
    mode._until = time.time()
    with pytest.raises(ReadOnlyModeError, match="expired"):
        mode.extend()


def test_a_removed_file_is_reported(mode: ReadOnlyMode) -> None:
    mode.limit_s = 3.0
    mode.turn_on("a task", "")
    mode.file.unlink()
    time.sleep(1.8)  # past the time at which it is extended, and well before it expires
    with pytest.raises(ReadOnlyModeError, match="somebody removed"):
        mode.extend()


def test_writes_under_way_are_waited_for_within_a_limit() -> None:
    counts = [WritesInFlight(2), WritesInFlight(1, 1), WritesInFlight(), WritesInFlight(5)]
    drain(lambda: counts.pop(0), limit_s=5)
    assert counts == [WritesInFlight(5)]
    with pytest.raises(ReadOnlyModeBusyError, match="3 writes are still in progress"):
        drain(lambda: WritesInFlight(3), limit_s=0.05)


def test_an_upload_that_does_not_end_is_not_waited_for() -> None:
    start = time.monotonic()
    drain(lambda: WritesInFlight(uploads=1), limit_s=30)
    assert time.monotonic() - start < 5


def test_metrics_tell_how_many_writes_are_under_way() -> None:
    assert sum(writes_in_flight(METRICS)) == 4
    assert writes_in_flight("") == WritesInFlight()
