"""Times of tests: those that two revisions have are known by the names of their functions."""

from __future__ import annotations

from pathlib import Path

from tools.bench.suite_times import common, read

REPORT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest">
<testcase classname="tests.test_a" name="test_one[of its cases]" time="1.5" />
<testcase classname="tests.test_a" name="test_one[and another]" time="0.5"><failure /></testcase>
<testcase classname="tests.test_b" name="test_two" time="6"><skipped /></testcase>
</testsuite></testsuites>
"""
LISTED = """\
tests/test_a.py::test_one[of its :: cases]
tests/test_a.py::test_one[and another]
tests/moved/test_b.py::TestOf::test_two
tests/test_b.py::test_new

4 tests collected in 0.10s
"""


def test_a_report_is_read(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert read(report) == (3, ("tests.test_a::test_one[and another]",), frozenset({"test_one", "test_two"}))


def test_tests_of_the_same_names_are_chosen_wherever_they_are_now_and_stay_in_order() -> None:
    chosen = common(LISTED.splitlines(), frozenset({"test_one", "test_two", "test_dropped"}))
    assert chosen == ["tests/test_a.py::test_one", "tests/moved/test_b.py::TestOf::test_two"]
