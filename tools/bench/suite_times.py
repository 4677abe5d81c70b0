"""`make test` and `make test-unit` of an older revision, and the same tests of what is committed, known by their names.

Tests come with each change, so that the whole of two revisions says little: what is measured is what those take that both have.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from infra.paths import PROJECT_FOLDER
from ops.core.process import run
from tools.bench.report import Row

TITLE = "The tests, caches warm"
# What BASELINE names where it is not set: the last revision before tests ran side by side.
_BASELINE = "f836d8a"
_LIMIT_S = 2 * 3600


@dataclass(frozen=True)
class Suite:
    """One run of tests.

    Attributes:
        seconds: How long it took, with all that `make` does.
        cases: How many tests there were.
        failed: Those that failed, by the modules' names and their own.
        functions: Their names; the cases of a function have the same.
    """

    seconds: float
    cases: int
    failed: tuple[str, ...]
    functions: frozenset[str]

    @property
    def told(self) -> str:
        """What was run."""
        failed = f", {len(self.failed):,} of them failed" if self.failed else ""
        return f"{self.cases:,} tests of {len(self.functions):,} functions{failed}"


def measure(folder: Path) -> list[Row]:
    """Run the tests of a baseline, and then those of what is committed that the baseline has, too.

    Args:
        folder: Where clones go.

    Raises:
        CommandError: A revision is not there, or its packages cannot be installed.
        OSError: Tests were not run to their end.
    """
    rows = []
    before, was = _clone(folder / "before", os.environ.get("BASELINE", "") or _BASELINE)
    now, commit = _clone(folder / "now", "HEAD")
    for target, shown, limit in (("test", "`make test`", "≤ 900 s"), ("test-unit", "`make test-unit`", "≤ 60 s")):
        old = _suite(before, target, "")
        listed = run([".venv/bin/python", "-m", "pytest", "--collect-only", "--quiet"], timeout=_LIMIT_S, cwd=now).stdout
        chosen = now / ".state" / "tests"
        chosen.write_text("\n".join(common(listed.splitlines(), old.functions)))
        new = _suite(now, target, f"@{chosen}")
        rows += [
            Row(f"{shown} at {was}, the baseline", old.told, "", old.seconds, "s"),
            Row(f"{shown} at {commit}, this tree, tests of the same names", new.told, limit, new.seconds, "s"),
            Row("this tree / the baseline", "", "≤ 0.56" if target == "test" else "", new.seconds / old.seconds, ""),
        ]
    return rows


def common(listed: Iterable[str], names: frozenset[str]) -> list[str]:
    """Return those test functions that have one of the names, each once, from node IDs as pytest lists them.

    They stay in that order: some modules tell the life of one stack.
    """
    found = (line.partition("[")[0] for line in listed if "::" in line)
    return list(dict.fromkeys(one for one in found if one.rpartition("::")[2] in names))


def read(report: Path) -> tuple[int, tuple[str, ...], frozenset[str]]:
    """Return the number of tests, those that failed, and the names of their functions, from a report in JUnit's format."""
    cases = [*ElementTree.parse(report).iter("testcase")]  # noqa: S314  # written by our own pytest
    failed = [one for one in cases if one.find("failure") is not None or one.find("error") is not None]
    names = tuple(f"{one.get('classname')}::{one.get('name')}" for one in failed)
    return len(cases), names, frozenset((one.get("name") or "").partition("[")[0] for one in cases)


def _clone(folder: Path, revision: str) -> tuple[Path, str]:
    """Return a clone of the project at a revision, and the short name of that. What its tests need is installed."""
    run(["git", "clone", "--quiet", "--no-checkout", PROJECT_FOLDER, folder], timeout=60)
    commit = run(["git", "rev-parse", "--short", revision], timeout=60, cwd=PROJECT_FOLDER).stdout.strip()
    run(["git", "checkout", "--quiet", "--detach", commit], timeout=60, cwd=folder)
    run(["make", "-C", folder, "test-unit"], timeout=_LIMIT_S, env={**os.environ, "PYTEST_ADDOPTS": "--version"})
    (folder / ".state").mkdir(exist_ok=True)
    return folder, commit


def _suite(clone: Path, target: str, chosen: str) -> Suite:
    report = clone / ".state" / f"{target}.xml"
    options = f"{os.environ.get('PYTEST_ADDOPTS', '')} --junitxml={shlex.quote(str(report))} {chosen}"
    began = time.perf_counter()
    # Tests of an older revision may have their faults.
    run(["make", "-C", clone, target], timeout=_LIMIT_S, env={**os.environ, "PYTEST_ADDOPTS": options}, check=False)
    suite = Suite(time.perf_counter() - began, *read(report))
    for name in suite.failed:
        print(f"failed in {clone.name}: {name}", file=sys.stderr)
    return suite
