"""What people see while something takes long."""

from __future__ import annotations

import re
import sys
import threading
import time

import pytest

from infra import progress as subject
from infra.progress import about, progress, say, time_left


def test_a_log_gets_a_line_at_the_start_and_one_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("building a thing"):
        assert capsys.readouterr().err == "building a thing …\n"
    assert re.fullmatch(r"building a thing … \d+ s, done\n", capsys.readouterr().err)


def test_a_failure_is_said_and_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match="disk"), progress("building a thing"):
        raise OSError("disk")
    assert re.search(r"building a thing … \d+ s, failed\n$", capsys.readouterr().err)


def test_what_happens_within_belongs_to_the_outer_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("outer"), progress("inner"):
        pass
    assert "inner" not in capsys.readouterr().err
    with progress("next"):
        pass
    assert "next" in capsys.readouterr().err


def test_a_terminal_sees_the_seconds_count(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_REFRESH_S", 0.01)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("building a thing"):
        time.sleep(0.1)
    shown = capsys.readouterr().err
    assert shown.count("\rbuilding a thing … 0 s") > 2
    assert shown.endswith("\r\x1b[Kbuilding a thing … 0 s, done\n")


def _at_once(*names: str) -> None:
    """Have something of each name under way at the same time for a moment."""
    all_run = threading.Barrier(len(names), timeout=20)

    def work(name: str) -> None:
        with progress(name):
            all_run.wait()
            time.sleep(0.1)

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)


def test_a_log_gets_a_start_and_an_end_of_each_of_several_things_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    _at_once("one", "two")
    lines = capsys.readouterr().err.splitlines()
    assert sorted(lines[:2]) == ["one …", "two …"]
    assert sorted(lines[2:]) == ["one … 0 s, done", "two … 0 s, done"]


def test_a_terminal_sees_all_that_is_under_way_and_the_time_left_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "_REFRESH_S", 0.01)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    with time_left(lambda: 310.0):
        _at_once("one", "two")
    shown = capsys.readouterr().err
    assert re.search(r"\r(one|two) … 0 s \| (one|two) … 0 s \| about 5 min left", shown)
    # Whatever is written for good stands on a line of its own.
    assert {line.rpartition("\x1b[K")[2] for line in shown.splitlines() if line.endswith("done")} == {
        "one … 0 s, done",
        "two … 0 s, done",
    }


def test_a_line_never_wraps_since_it_could_not_be_erased(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "_REFRESH_S", 0.01)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "20")
    with progress("a" * 50):
        time.sleep(0.1)
    drawn = [part for part in re.split(r"[\r\n]", capsys.readouterr().err) if part and "done" not in part]
    assert {len(part.removeprefix("\x1b[K")) for part in drawn} <= {0, 19}


def test_what_is_said_meanwhile_does_not_mix_with_the_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "_REFRESH_S", 0.01)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("building a thing"):
        time.sleep(0.1)
        say("a word")
    assert "\r\x1b[Ka word\n" in capsys.readouterr().err


def test_where_the_time_left_is_unknown_nothing_is_said_of_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "_REFRESH_S", 0.01)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with time_left(lambda: None), progress("building a thing"):
        time.sleep(0.1)
    assert "left" not in capsys.readouterr().err


@pytest.mark.parametrize(("seconds", "told"), [(0, "less than a minute"), (59, "less than a minute"), (89, "about 1 min")])
def test_an_uncertain_time_is_told_as_such(seconds: float, told: str) -> None:
    assert about(seconds) == told
