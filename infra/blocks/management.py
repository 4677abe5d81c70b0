"""Settings of management by web page."""

from __future__ import annotations

from ops.config import Strict


class ManagementSettings(Strict):
    """Portainer under `/portainer/`. Off unless asked for: what it changes by hand is drift to the next `up`."""

    enabled: bool = False
