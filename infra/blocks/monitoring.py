"""Settings of monitoring: what runs, and how long samples are kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ops.config import Strict


class MonitoringSettings(Strict):
    """Prometheus and what it scrapes.

    Attributes:
        enabled: Whether monitoring runs at all.
        grafana: Whether Grafana runs.
        cadvisor: Whether cAdvisor runs, with the proxy for the Docker socket that it needs.
        retention_days: How many days samples are kept; the error budget looks back 30 days.
        retention_gb: How much disk space they may take.
        ntfy_url: The old way to say where alerts go: a topic such as `https://ntfy.example.com/topic`. Now they go where all
            messages go, to `operations.notify.channels` (infra/messages.py).
    """

    enabled: bool = True
    grafana: bool = True
    cadvisor: bool = True
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 35
    retention_gb: Annotated[int, Field(ge=1, le=1000)] = 4
    ntfy_url: Annotated[str, Field(pattern=r"^https?://[^\s/]+/[A-Za-z0-9_-]{1,64}$")] | None = None
