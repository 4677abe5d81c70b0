"""Notifications as Alertmanager 0.28 sends them."""

from __future__ import annotations

import json
from typing import Any


def alert(name: str = "RegistryDown", *, status: str = "firing", known_by: str = "", **labels: str) -> dict[str, Any]:
    """One alert."""
    return {
        "status": status,
        "labels": {"alertname": name, "service": "registry", "severity": "critical", "stack": "registry-test", **labels},
        "annotations": {"summary": f"{name}: it is down", "description": "See `docker ps -a`."},
        "startsAt": "2026-11-18T11:58:30.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://localhost:8080/prometheus/graph?g0.expr=up",
        "fingerprint": known_by or f"{abs(hash((name, *labels.items()))) % 16**16:016x}",
    }


def body(*alerts: Any, left_out: int = 0) -> bytes:
    """The body of a request."""
    labels = alerts[0].get("labels", {}) if alerts and isinstance(alerts[0], dict) else {}
    name = labels.get("alertname", "")
    return json.dumps(
        {
            "receiver": "gateway",
            "status": "firing",
            "alerts": list(alerts),
            "groupLabels": {"alertname": name, "service": "registry"},
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager:9093",
            "version": "4",
            "groupKey": f'{{}}:{{alertname="{name}"}}',
            "truncatedAlerts": left_out,
        }
    ).encode()


WATCHDOG = body(alert("Watchdog", severity="none", service="prometheus"))
