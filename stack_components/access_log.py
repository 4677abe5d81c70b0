"""The edge's access log in containers: the edge writes it, and CrowdSec reads it."""

from __future__ import annotations

from ops.config import ACCESS_LOG_FILE, ACCESS_LOG_FOLDER

# The host folder, and where both containers have it.
FOLDER = ACCESS_LOG_FOLDER
MOUNT = "/var/log/caddy"
FILE = f"{MOUNT}/{ACCESS_LOG_FILE}"
