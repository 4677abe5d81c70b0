"""The file of cron in Debian 13: cron takes it, its lines do what the units do, and nothing where systemd runs."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from infra.server.cron import PATH, crontab
from infra.server.schedule import schedule
from tests.infra.server.conftest import ROOT
from tests.infra.server.debian13 import Debian13
from tests.infra.server.plans import plan
from tests.infra.server.test_timers import WRITER

# What the line of the first task runs, as cron hands it to the shell.
(LINE,) = [line for line in crontab(schedule(plan())[:1], ROOT).splitlines() if " root " in line]
COMMAND = LINE.partition(" root ")[2].replace("\\%", "%")
# One that tells who it is and what it was given, in the place of the one in the release.
STAND_IN = f"""
mkdir -p {ROOT}/current/ops/ops/cli {ROOT}/current/site
touch {ROOT}/current/ops/ops/__init__.py {ROOT}/current/ops/ops/cli/__init__.py
echo 'import os, sys; print(os.getuid(), os.getgid(), os.getgroups(), sys.argv[1:], flush=True); os.close(1)' \
    > {ROOT}/current/ops/ops/cli/__main__.py
"""


def test_a_percent_sign_is_no_new_line() -> None:
    line = crontab([WRITER], PurePosixPath("/srv/x")).splitlines()[-1]
    assert line.startswith("1 * * * * root ")
    assert "--at '50\\%'" in line or "--at 50\\%" in line


@pytest.mark.system
def test_cron_takes_it(server: Debian13) -> None:
    # crontab checks files of users, whose lines name no user.
    check = f"sed -i 's/ root / /' {PATH}; crontab -n {PATH} 2>&1"
    assert server.run(check, check=False).returncode == 0
    slip = server.run(f"sed -i 's/^17 /61 /' {PATH}; {check}", check=False)
    assert slip.returncode != 0
    assert "bad minute" in slip.stdout


@pytest.mark.system
def test_a_line_runs_its_task_as_the_services_user_and_logs_what_it_says(server: Debian13) -> None:
    script = f"""{STAND_IN}
    {COMMAND}
    cat {ROOT}/logs/tasks/doctor.log
    """
    assert server.run(script).stdout == f"10001 10001 [] ['--root', '{ROOT}', 'doctor', '--registry']\n"


@pytest.mark.system
def test_a_line_does_nothing_where_systemd_runs_the_machine(server: Debian13) -> None:
    script = f"{STAND_IN} mkdir -p /run/systemd/system; {COMMAND}; ls {ROOT}"
    assert server.run(script).stdout == "current\n"
