"""`make coverage`: it also sees what runs in processes that tests start, and in forks of them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from ops.core.process import run

# The one runs `python -m ops.cli`, the other a fork of a program that is warm.
_FILE = "tests/ops/cli/test_app.py"
_TESTS = [f"{_FILE}::test_errors_are_lines_of_json_when_logs_are", f"{_FILE}::test_history_shows_runs_the_newest_last"]
_LIMIT_S = 120


@pytest.mark.system
def test_processes_that_tests_start_are_measured(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COVERAGE_", "COV_"))}

    def coverage(*words: str) -> str:
        return run([sys.executable, "-m", "coverage", *words], timeout=_LIMIT_S, cwd=PROJECT_FOLDER, env=clean).stdout

    data = f"--data-file={tmp_path}/data"
    coverage("run", data, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_TESTS)
    coverage("combine", "--quiet", data, str(tmp_path))
    files = json.loads(coverage("json", "--quiet", data, "-o", "/dev/stdout"))["files"]
    for path in ("ops/cli/__main__.py", "ops/cli/history.py"):
        assert files[path]["summary"]["percent_statements_covered"] > 60, path
