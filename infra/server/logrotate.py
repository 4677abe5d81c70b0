"""Renders the log rotation of tasks. Caddy rotates its own access log, and Docker the logs of containers."""

from __future__ import annotations

from pathlib import PurePosixPath

from infra.server.head import HEAD

PATH = "/etc/logrotate.d/private-registry"
# Below the root. Not `logs/*`, which would include the edge's.
TASK_LOGS = "logs/tasks"


def logrotate_conf(root: PurePosixPath) -> str:
    """Return the drop-in.

    Args:
        root: The stack's folder on the host.
    """
    return f"""\
# {HEAD}
{root}/{TASK_LOGS}/*.log {{
    daily
    rotate 30
    missingok
    notifempty
    compress
    # A task may still be writing.
    delaycompress
    create 0640 root adm
}}
"""
