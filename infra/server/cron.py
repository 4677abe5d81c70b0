"""Renders the tasks as a cron file, for hosts without systemd. Where systemd runs, each line does nothing."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath

from infra.server.head import HEAD
from infra.server.logrotate import TASK_LOGS
from infra.server.regops import without_rights
from infra.server.schedule import Task, environment

# cron ignores files with a dot in their name.
PATH = "/etc/cron.d/private-registry"
_SYSTEMD = "/run/systemd/system"  # it exists if systemd runs the machine: sd_booted(3)


def crontab(tasks: Sequence[Task], root: PurePosixPath) -> str:
    """Return the file.

    Args:
        tasks: The schedule.
        root: The stack's folder on the host.
    """
    lines = [_line(task, root) for task in tasks]
    return "\n".join([f"# {HEAD}", "SHELL=/bin/sh", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", 'MAILTO=""', *lines, ""])


def _line(task: Task, root: PurePosixPath) -> str:
    variables = [f"{name}={value}" for name, value in environment(root).items()]
    words = [
        *["timeout", "--kill-after=10", str(task.limit_s)],
        # cron only knows users by name, and without systemd this one may not have a name.
        *without_rights(docker=task.docker),
        *["env", *variables, *task.command(root)],
    ]
    logs = root / TASK_LOGS
    steps = f"mkdir -p {logs}; {shlex.join(words)} >> {logs}/{task.name}.log 2>&1"
    return f"{task.when.cron} root [ -d {_SYSTEMD} ] || {{ {steps}; }}".replace("%", "\\%")
