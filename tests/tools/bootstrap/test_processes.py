"""Who runs, and who only has the number of one that did."""

from __future__ import annotations

import os
import subprocess
import time

from tools.bootstrap.processes import is_running


def test_a_process_runs_under_its_own_name_until_it_ends() -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        try:
            while not is_running(process.pid, "sleep"):
                assert process.poll() is None  # it has another name until it has become that program
            assert not is_running(process.pid, "pulumi")
            assert is_running(process.pid, "sleep", started_by=time.time())
            assert not is_running(process.pid, "sleep", started_by=time.time() - 3600)
        finally:
            process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not is_running(process.pid, "sleep"), "a zombie"
    assert not is_running(process.pid, "sleep")


def test_numbers_that_no_process_can_have_are_nobodys() -> None:
    assert not is_running(-1, "pulumi")
    assert not is_running(2**31 - 1, "pulumi")
