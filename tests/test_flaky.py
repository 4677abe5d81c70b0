"""A flaky test does not fail CI, but is told; many of them do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from tests.flaky import MOST

_TESTS = """
import pytest
from pathlib import Path

@pytest.mark.parametrize("number", range({count}))
def test_something(number):
    tried = Path(__file__).with_name(f"tried-{{number}}")
    before = tried.exists()
    tried.touch()
    assert before, "the first time"
"""


def ran(folder: Path, count: int, *options: str) -> tuple[int, str]:
    """Run so many tests that fail the first time; return the exit code, and what was printed."""
    (folder / "test_it.py").write_text(_TESTS.format(count=count))
    (folder / "pytest.ini").touch()
    words = [sys.executable, "-m", "pytest", "-p", "tests.flaky", "--rootdir", str(folder), *options, str(folder)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}  # as of CI, where this runs
    done = subprocess.run(words, cwd=PROJECT_FOLDER, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_passes_the_second_time_is_told(tmp_path: Path, workers: str) -> None:
    code, output = ran(tmp_path, 1, "--reruns", "1", "--numprocesses", workers)
    assert code == 0
    assert "flaky: " in output
    assert "AssertionError: the first time" in output
    assert "1 passed, 1 rerun" in output


def test_too_many_fail(tmp_path: Path) -> None:
    code, output = ran(tmp_path, MOST + 1, "--reruns", "1")
    assert (code, output.count("flaky: ")) == (1, MOST + 1)


def test_where_nothing_runs_again_it_fails(tmp_path: Path) -> None:
    assert ran(tmp_path, 1)[0] == 1
