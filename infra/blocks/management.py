"""Settings of Portainer, which manages containers in the browser."""

from __future__ import annotations

from ops.config import Strict


class ManagementSettings(Strict):
    """Portainer at `/portainer/`.

    Attributes:
        enabled: Whether it runs. It is off by default: what somebody changes in it is drift, which the next `up` undoes.
    """

    enabled: bool = False
