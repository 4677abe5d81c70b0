"""The edge's access log: the edge writes it, and CrowdSec reads it."""

from __future__ import annotations

# The host folder, and where both containers have it.
FOLDER = "logs/edge"
MOUNT = "/var/log/caddy"
FILE = f"{MOUNT}/access.log"
