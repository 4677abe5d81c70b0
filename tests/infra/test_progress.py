"""What people see while something takes long."""

from __future__ import annotations

import re
import sys
import time

import pytest

from infra import progress as subject
from infra.progress import progress


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
    assert shown.endswith("\rbuilding a thing … 0 s, done\n")
