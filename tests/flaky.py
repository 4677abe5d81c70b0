"""Hooks: CI runs a test that fails once more. One that passes then is told with its failure, and many of them fail the run."""

from __future__ import annotations

import pytest
from _pytest.terminal import TerminalReporter

# With more of them, something is wrong with the change or with the machine, not with one test.
MOST = 3


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print how tests failed that were run again: to pass the second time makes it no less of a bug."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.write_sep("_", f"flaky: {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in which too many tests had to be run again."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and session.exitstatus == pytest.ExitCode.OK and len(reporter.stats.get("rerun", [])) > MOST:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
