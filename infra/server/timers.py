"""Renders tasks as systemd units: what starts them, and a service that may only do what its task needs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath

from infra.regops import DATA_FOLDER
from infra.server import regops
from infra.server.hardening import HARDENED
from infra.server.head import HEAD
from infra.server.schedule import Job, Task, environment
from ops.config import RECOVERY_FILE, SERVICE_USER

FOLDER = "/etc/systemd/system"
RECOVERY_PATH = f"{FOLDER}/regops-recover.service"
# Another task holds the lock, or the registry is in read-only mode: nothing has failed.
_BUSY = 75


def unit_name(task: Job) -> str:
    """Return the name of a task's units, without `.timer`, `.service` or `.path`."""
    return f"regops-{task.name}"


def units(task: Job, root: PurePosixPath) -> Mapping[str, str]:
    """Return the text of a task's units by file name.

    Args:
        task: A row of the schedule, or what is only started when it is asked for.
        root: The stack's folder on the host.
    """
    name = unit_name(task)
    watcher = {f"{name}.path": _watcher(task, root)} if task.watches or task.asked else {}
    timer = {f"{name}.timer": _timer(task)} if isinstance(task, Task) else {}
    return {f"{name}.service": _service(task, root), **timer, **watcher}


def recovery(root: PurePosixPath) -> str:
    """Return the unit that goes on with a recovery when the server starts: what is not on the disk yet can be pulled again.

    It is not confined: a mount of a confined one is seen by nobody else. It runs as the services' user.
    """
    words = [*regops.without_rights(docker=True, new_rights=True), regops.PATH, "recover", "--check"]
    return f"""\
# {HEAD}
[Unit]
Description=Goes on with the recovery of the registry
Wants=network-online.target
After=network-online.target docker.service
RequiresMountsFor={root}
ConditionPathExists={root / DATA_FOLDER / RECOVERY_FILE}

[Service]
Type=exec
ExecStart={shlex.join(words)}
SuccessExitStatus={_BUSY}
Restart=on-failure
RestartSec=300
# What it has mounted stays while it waits.
KillMode=process
Nice=10

[Install]
WantedBy=multi-user.target
"""


def _timer(task: Task) -> str:
    return f"""\
# {HEAD}
[Unit]
Description=When the registry's {task.name} runs

[Timer]
OnCalendar={task.when.on_calendar}
RandomizedDelaySec={task.spread_s}
# A run that was missed while the machine was off is made up for.
Persistent=true

[Install]
WantedBy=timers.target
"""


def _watcher(task: Job, root: PurePosixPath) -> str:
    # Of what appears: not DirectoryNotEmpty=, which would start it again and again while a disk is so full that nothing can be
    # fetched. Of a request: not PathChanged=, which each `up` would be for, since it sets the owners of folders.
    seen = f"PathChanged={root}/{task.watches}" if task.watches else f"PathExists={root}/{task.asked}"
    return f"""\
# {HEAD}
[Unit]
Description=What the registry's {task.name} does not wait for its time with
RequiresMountsFor={root}

[Path]
{seen}

[Install]
WantedBy=multi-user.target
"""


def _service(task: Job, root: PurePosixPath) -> str:
    user, _, group = SERVICE_USER.partition(":")
    variables = "\n".join(f"Environment={name}={value}" for name, value in environment(root).items())
    last = shlex.join(task.last_command(root)).replace("%", "%%")
    stop_post = f"ExecStopPost={last}\n" if last else ""
    # What is started by what appears may be started often. Else the one that watches would fail, and would not watch again.
    often = "StartLimitIntervalSec=0\n" if task.watches or task.asked else ""
    stop_post += f"ExecStopPost=-{_forget(task, root)}\n" if task.asked else ""
    groups = "SupplementaryGroups=docker\n" if task.docker else ""
    # The last of an option counts. All of /proc/sys stays read-only.
    figures = "ProcSubset=all\n" if task.measures else ""
    owners = "SystemCallFilter=@chown\n" if task.restores else ""
    paths = "".join(f"ReadWritePaths={root}/{folder}\n" for folder in task.writes)
    # Output goes to the journal, which has the time of each line, limits its own size, and needs no folder.
    return f"""\
# {HEAD}
[Unit]
Description=The registry's {task.name}: {task.purpose}
Wants=network-online.target
After=network-online.target docker.service
{often}
[Service]
Type=oneshot
ExecStart={shlex.join(task.command(root)).replace("%", "%%")}
{stop_post}{variables}
TimeoutStartSec={task.limit_s}
SuccessExitStatus={_BUSY}
SyslogIdentifier={unit_name(task)}
Nice=10

User={user}
Group={group}
{groups}{paths}{_network(task)}CapabilityBoundingSet=
DevicePolicy=closed
KeyringMode=private
RemoveIPC=yes
{HARDENED}{figures}{owners}"""


def _forget(task: Job, root: PurePosixPath) -> str:
    """Return the command that removes a request. The task takes it when it starts; if it could not, it would start for ever.

    Who asks for a task that runs gets that run; an action that was asked for meanwhile is another one.
    """
    remove = f"rm -rf {root}/{task.asked}"
    return remove if isinstance(task, Task) else f"sh -c '[ \"$SERVICE_RESULT\" = success ] || {remove}'"


def _network(task: Job) -> str:
    if task.network:
        return "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX\n"
    return "IPAddressDeny=any\nPrivateNetwork=yes\nRestrictAddressFamilies=AF_UNIX\n"
