"""The units of tasks in Debian 13's own systemd."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from infra.server.schedule import Job, Task, When, requests, schedule
from infra.server.timers import FOLDER, units
from tests.infra.server.conftest import ROOT
from tests.infra.server.debian13 import Debian13
from tests.infra.server.plans import plan, with_console

# The most that systemd may find exposed, in tenths; a service without any such option has 96.
EXPOSURE = 20


def asked_for() -> Job:
    """What does the actions of the console."""
    job = requests(with_console())
    assert job is not None
    return job


NAMES = [name for task in [*schedule(plan()), asked_for()] for name in units(task, ROOT)]
SERVICES = [name for name in NAMES if name.endswith(".service")]
WRITER = Task(
    name="try",
    purpose="100% of it",
    words=["try", "--at", "50%"],
    when=When(minutes=(1,)),
    limit_s=5,
    writes=["data"],
)


def test_a_task_without_network_that_writes() -> None:
    text = units(WRITER, PurePosixPath("/srv/x"))["regops-try.service"]
    assert "ReadWritePaths=/srv/x/data\n" in text
    assert "PrivateNetwork=yes\n" in text
    assert "AF_INET" not in text
    assert "--root /srv/x try --at 50%%\n" in text
    assert "\nTimeoutStartSec=5\n" in text


def test_a_task_with_network_that_writes_its_history_alone() -> None:
    text = units(schedule(plan())[0], ROOT)["regops-doctor.service"]
    assert text.count("ReadWritePaths") == 1
    assert f"ReadWritePaths={ROOT}/data/regops\n" in text
    assert "docker\n" not in text.partition("[Service]")[2]
    assert "PrivateNetwork" not in text
    assert "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX\n" in text


def test_messages_of_alerts_do_not_wait_for_their_time() -> None:
    (task,) = [task for task in schedule(plan()) if task.name == "notify"]
    texts = units(task, ROOT)
    assert f"PathChanged={ROOT}/data/gateway/alerts\n" in texts["regops-notify.path"]
    assert f"ReadWritePaths={ROOT}/data/gateway/alerts\n" in texts["regops-notify.service"]
    assert "\nStartLimitIntervalSec=0\n" in texts["regops-notify.service"].partition("[Service]")[0]
    assert "regops-try.path" not in units(WRITER, ROOT)
    assert "StartLimit" not in units(WRITER, ROOT)["regops-try.service"]


def test_only_what_measures_the_host_sees_the_figures_of_the_kernel() -> None:
    measured = replace(plan(), services=("node-exporter",))
    texts = {task.name: units(task, ROOT)[f"regops-{task.name}.service"] for task in schedule(measured)}
    seen = {name for name, text in texts.items() if re.findall(r"^ProcSubset=(.+)$", text, re.MULTILINE)[-1] == "all"}
    assert seen == {"notify"}
    assert "ProtectKernelTunables=yes\n" in texts["notify"]
    assert "ProcSubset=all" not in units(schedule(plan())[-1], ROOT)["regops-notify.service"], "nobody would read them"


@pytest.mark.system
def test_what_measures_the_host_may_do_hardly_more(server: Debian13) -> None:
    name = "regops-notify.service"
    server.run(f"echo ProcSubset=all >> {FOLDER}/{name}; systemd-analyze security --offline=true --threshold={EXPOSURE} {name}")


def test_only_timers_are_started_with_the_machine() -> None:
    texts = units(WRITER, ROOT)
    assert "[Install]\nWantedBy=timers.target\n" in texts["regops-try.timer"]
    assert "[Install]" not in texts["regops-try.service"]


@pytest.mark.system
def test_systemd_finds_nothing_wrong_with_them(server: Debian13) -> None:
    checked = server.run(f"systemd-analyze verify {' '.join(NAMES)} 2>&1", check=False)
    assert (checked.returncode, checked.stdout) == (0, "")
    slip = server.run(f"sed -i s/Persistent/Persistant/ {FOLDER}/{NAMES[1]}; systemd-analyze verify {NAMES[1]} 2>&1", check=False)
    assert "Unknown key 'Persistant'" in slip.stdout


@pytest.mark.system
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_little(server: Debian13, name: str) -> None:
    server.run(f"systemd-analyze security --offline=true --threshold={EXPOSURE} {name}")
    slip = f"sed -i -E '/^(Protect|Private|Restrict)/d' {FOLDER}/{name}"
    loosened = f"{slip}; systemd-analyze security --offline=true --threshold={EXPOSURE} {name}"
    assert server.run(loosened, check=False).returncode != 0


@pytest.mark.system
def test_the_user_of_a_service_has_an_entry_once_the_machine_is_told(server: Debian13) -> None:
    text = units(WRITER, ROOT)["regops-try.service"]
    assert "User=10001\nGroup=10001\n" in text
    told = server.run("getent passwd 10001 || true; systemd-sysusers; getent passwd 10001; getent group 10001").stdout
    assert told.splitlines() == [
        "private-registry:x:10001:10001:services of the private registry:/:/usr/sbin/nologin",
        "private-registry:x:10001:",
    ]


def test_systemd_finds_nothing_wrong_with_what_goes_on_with_a_recovery(server: Debian13) -> None:
    assert server.run("systemd-analyze verify regops-recover.service 2>&1").stdout == ""


def test_a_task_starts_when_its_request_is_there_and_a_request_never_stays() -> None:
    """Not when anything happens to the folder: each `up` sets its owner."""
    tasks = {task.name: units(task, ROOT) for task in schedule(with_console())}
    watcher, service = tasks["gc"]["regops-gc.path"], tasks["gc"]["regops-gc.service"]
    assert f"PathExists={ROOT}/data/requests/gc/asked\n" in watcher
    assert "PathChanged" not in watcher
    assert f"ExecStopPost=-rm -rf {ROOT}/data/requests/gc/asked\n" in service
    assert "StartLimitIntervalSec=0\n" in service
    without = {task.name: units(task, ROOT) for task in schedule(plan())}
    assert "regops-gc.path" not in without["gc"]
    assert "requests" not in without["gc"]["regops-gc.service"]


def test_actions_have_no_time_of_their_own_and_one_that_waits_outlives_the_one_before() -> None:
    texts = units(asked_for(), ROOT)
    assert sorted(texts) == ["regops-requests.path", "regops-requests.service"]
    assert f"PathExists={ROOT}/data/requests/action/asked\n" in texts["regops-requests.path"]
    service = texts["regops-requests.service"]
    assert "--root /srv/private-registry requests run\n" in service
    assert f"ExecStopPost=-sh -c '[ \"$SERVICE_RESULT\" = success ] || rm -rf {ROOT}/data/requests/action/asked'\n" in service
    assert f"ReadWritePaths={ROOT}/data\n" in service
    assert requests(plan()) is None, "without a console nobody asks"
