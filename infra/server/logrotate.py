"""Renders the rotation of what tasks log on the host. Caddy rolls its access log itself, and Docker those of containers."""

from __future__ import annotations

from pathlib import PurePosixPath

from infra.server.head import HEAD

PATH = "/etc/logrotate.d/private-registry"
# Below the root. Not `logs/*`: that would be the edge's too.
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
