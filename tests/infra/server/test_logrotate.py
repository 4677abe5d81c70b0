"""The rotation of tasks' logs by Debian 13's own logrotate."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from infra.server.logrotate import PATH, logrotate_conf
from tests.infra.server.conftest import ROOT
from tests.infra.server.debian13 import Debian13


def test_logrotate_conf() -> None:
    assert (
        logrotate_conf(PurePosixPath("/srv/stack"))
        == """\
# Written by the Pulumi program of the private registry. Changes made here are overwritten.
/srv/stack/logs/tasks/*.log {
    daily
    rotate 30
    missingok
    notifempty
    compress
    # A task may still be writing.
    delaycompress
    create 0640 root adm
}
"""
    )


@pytest.mark.system
def test_logrotate_finds_nothing_wrong_with_it(server: Debian13) -> None:
    told = server.run(f"logrotate --debug {PATH} 2>&1").stdout
    assert f"rotating pattern: {ROOT}/logs/tasks/*.log after 1 days" in told
    assert f"{PATH}:" not in told
    assert f"{PATH}:3 unknown option 'dayly'" in server.run(f"sed -i s/daily/dayly/ {PATH}; logrotate --debug {PATH} 2>&1").stdout


@pytest.mark.system
def test_logs_of_tasks_are_rotated_and_those_of_the_edge_are_not(server: Debian13) -> None:
    script = f"""
    umask 027
    mkdir -p {ROOT}/logs/tasks {ROOT}/logs/edge
    cd {ROOT}/logs
    for day in 1 2 3; do
        echo "day $day" > tasks/backup.log
        echo "day $day" > edge/access.log
        logrotate --force --state /tmp/state {PATH}
    done
    find . -type f -printf '%P %m %u:%g %s\\n' | sort
    zcat tasks/backup.log.3.gz
    """
    assert server.run(script).stdout.splitlines() == [
        "edge/access.log 640 root:root 6",
        "tasks/backup.log 640 root:adm 0",
        "tasks/backup.log.1 640 root:adm 6",
        "tasks/backup.log.2.gz 640 root:adm 26",
        "tasks/backup.log.3.gz 640 root:root 26",
        "day 1",
    ]
