"""Steps run at once and in their order; one that fails ends the others and is named; the time left is told once it is known."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.cache import cached
from ops.core.process import CommandError, run
from tools.offline import estimate as subject
from tools.offline.estimate import Estimate
from tools.offline.steps import Step, run_steps

# A run of three cached steps, one of which waits until it is ended; what it has built is written down.
INTERRUPTED = """
import signal, sys
from pathlib import Path
from infra.cache import cached
from ops.core.process import run
from tools.offline.steps import Step, run_steps

folder = Path(sys.argv[1])
# Whoever is started in the background by a shell has been told to ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)

def build(name, seconds):
    def fill(target):
        with (folder / "built").open("a") as file:
            file.write(name + "\\n")
        run(["sleep", str(seconds)], timeout=100)
    return lambda _: cached(folder / "cache", name, fill, what=name)

try:
    run_steps([Step(name, build(name, seconds)) for name, seconds in (("quick", 0), ("slow", sys.argv[2]))], 2)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_steps_run_at_once() -> None:
    meeting = threading.Barrier(2, timeout=20)
    steps = [Step(name, lambda _: meeting.wait()) for name in ("one", "two")]
    assert sorted(run_steps(steps, 2).values()) == [0, 1]


def test_a_step_gets_the_results_of_those_that_it_comes_after() -> None:
    def add(done: Mapping[str, Any]) -> int:
        return sum(done.values())

    steps = [
        Step("sum", add, after=("one", "two")),
        Step("one", lambda _: 1),
        Step("two", lambda _: 2),
        Step("other", dict),
    ]
    assert run_steps(steps, 3) == {"one": 1, "two": 2, "sum": 3, "other": {}}


def test_no_more_run_at_once_than_may() -> None:
    running, most = [0], [0]
    lock = threading.Lock()

    def work(_: object) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.02)
        with lock:
            running[0] -= 1

    run_steps([Step(str(number), work) for number in range(8)], 2)
    assert most == [2]


def test_one_that_fails_ends_the_others_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    started = threading.Event()

    def fail(_: object) -> None:
        started.wait(20)
        time.sleep(0.3)
        raise OSError("no such module")

    def long(_: object) -> None:
        started.set()
        run(["sleep", "60"], timeout=100)

    never: list[str] = []
    steps = [Step("bad", fail), Step("long", long), Step("next", lambda _: never.append("next"), after=("long",))]
    start = time.monotonic()
    with pytest.raises(OSError, match="no such module") as caught:
        run_steps(steps, 2)
    assert time.monotonic() - start < 30
    assert caught.value.__notes__ == ["bad"]
    assert never == []
    assert "stopping: long" in capsys.readouterr().err


def test_steps_within_steps_end_with_the_others_and_the_innermost_is_named_first() -> None:
    def inner(_: object) -> None:
        def fail(_: object) -> None:
            raise CommandError("go build failed")

        run_steps([Step("the program", fail), Step("the rest", lambda _: run(["sleep", "60"], timeout=100))], 2)

    start = time.monotonic()
    with pytest.raises(CommandError, match="go build failed") as caught:
        run_steps([Step("images", inner), Step("engine", lambda _: run(["sleep", "60"], timeout=100))], 2)
    assert caught.value.__notes__ == ["the program", "images"]
    assert time.monotonic() - start < 30


def _start(folder: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(folder), str(seconds)], stderr=subprocess.PIPE, text=True)


def _await_first_step(folder: Path) -> None:
    give_up = time.monotonic() + 60
    while not (folder / "cache" / "quick").is_dir() or "slow" not in (folder / "built").read_text():
        assert time.monotonic() < give_up
        time.sleep(0.02)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with _start(tmp_path, 50) as first:
        _await_first_step(tmp_path)
        os.kill(first.pid, number)
        assert first.wait(30) == code
    with _start(tmp_path, 0) as second:
        assert second.wait(60) == 0
    assert (tmp_path / "built").read_text().splitlines().count("quick") == 1
    assert (tmp_path / "cache" / "slow").is_dir()


def test_two_runs_at_once_build_everything_once(tmp_path: Path) -> None:
    with _start(tmp_path, 1) as first, _start(tmp_path, 1) as second:
        assert (first.wait(60), second.wait(60)) == (0, 0)
    assert sorted((tmp_path / "built").read_text().split()) == ["quick", "slow"]


def test_a_step_that_is_cached_is_not_begun_again(tmp_path: Path) -> None:
    def refuse(folder: Path) -> None:
        raise AssertionError(folder)

    (tmp_path / "entry").mkdir()
    step = Step("entry", lambda _: cached(tmp_path, "entry", refuse, what="a thing"))
    assert run_steps([step], 1) == {"entry": tmp_path / "entry"}


class Clock:
    """Stands in for the clock."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(subject, "time", clock)
    return clock


def test_nothing_is_said_of_the_time_left_before_something_is_measured(clock: Clock) -> None:
    estimate = Estimate()
    estimate.add({"one": 100.0, "two": 100.0})
    estimate.began("one")
    clock.now = 50.0
    assert estimate.remaining() is None


def test_the_time_left_follows_the_pace_of_this_run(clock: Clock) -> None:
    for pace in (1.0, 3.0):
        clock.now = 0.0
        estimate = Estimate()
        estimate.add({"one": 100.0, "two": 100.0, "three": 100.0})
        estimate.began("one")
        clock.now = 100.0 * pace
        estimate.ended("one")
        assert estimate.remaining() == pytest.approx(200.0 * pace)
        estimate.began("two")
        clock.now = 150.0 * pace
        left = estimate.remaining()
        assert left is not None
        assert 100.0 * pace < left < 200.0 * pace


def test_a_step_whose_parts_are_not_known_yet_makes_every_number_a_guess(clock: Clock) -> None:
    estimate = Estimate()
    estimate.add({"docker": 10.0, "images": None})
    estimate.began("docker")
    clock.now = 10.0
    estimate.ended("docker")
    assert estimate.remaining() is None
    estimate.add({"base": 20.0}, within="images")
    assert estimate.remaining() == pytest.approx(20.0)
    estimate.began("base")
    clock.now = 500.0
    left = estimate.remaining()
    assert left is not None  # late, and still not done
    assert left > 0


def test_when_all_is_done_nothing_is_left(clock: Clock) -> None:
    estimate = Estimate()
    estimate.add({"one": 10.0})
    estimate.began("one")
    clock.now = 10.0
    estimate.ended("one")
    assert estimate.remaining() == 0.0
