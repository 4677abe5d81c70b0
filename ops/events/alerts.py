"""Alertmanager's notifications: their JSON, and what is read of it.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ops.config import MOST_ALERTS, WATCHDOG

MAX_BODY_BYTES = 1 << 20
_LONGEST = 4000
_MOST_LABELS = 40
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Alert:
    """An alert that fires or has ended.

    Attributes:
        id: Tells it from others of its name: Alertmanager's hash of its labels.
        name: Of its rule.
        firing: False when it has ended.
        severity: As its rule has it; empty if it has none.
        labels: All its labels.
        summary: What is wrong, in a line.
        description: What to do.
        runbook: Where to read more.
        started: Since when it fires, in seconds since the epoch; None if that cannot be read.
    """

    id: str
    name: str
    firing: bool
    severity: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    description: str = ""
    runbook: str = ""
    started: float | None = None


@dataclass(frozen=True)
class Notification:
    """One request of Alertmanager's: alerts that belong together.

    Attributes:
        alerts: Those of them that it tells.
        group: What they have in common: the name of their rule.
        left_out: How many more there are.
        schema: Version of the format in which it is kept.
    """

    alerts: tuple[Alert, ...]
    group: str = ""
    left_out: int = 0
    schema: Literal[1] = 1

    @property
    def is_watchdog(self) -> bool:
        """Whether it only says that alerts are evaluated and arrive."""
        return bool(self.alerts) and all(alert.name == WATCHDOG and alert.firing for alert in self.alerts)


def parse(body: bytes) -> Notification:
    """Return what a request says. Only its own lengths bound what is kept of it, and texts are kept as they are.

    Raises:
        ValueError: It is not Alertmanager's JSON.
    """
    try:
        document = json.loads(body)
    except RecursionError:
        raise ValueError("not JSON: too deep") from None
    items = document.get("alerts") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise ValueError("no list of alerts")
    alerts = [alert for item in items[:MOST_ALERTS] if (alert := _alert(item))]
    if items and not alerts:
        raise ValueError("no alert in it has a name")
    given = document.get("truncatedAlerts")
    truncated = given if isinstance(given, int) and 0 < given < 10**6 else 0
    return Notification(tuple(alerts), _text(document.get("groupLabels"), "alertname"), truncated + len(items[MOST_ALERTS:]))


def _alert(item: Any) -> Alert | None:
    if not isinstance(item, dict):
        return None
    given = item.get("labels")
    labels = {
        name: _short(value) for name, value in list(_mapping(given).items())[:_MOST_LABELS] if isinstance(value, str) and name
    }
    name = labels.get("alertname")
    if not name:
        return None
    known_by = _text(item, "fingerprint")
    annotations = _mapping(item.get("annotations"))
    return Alert(
        id=known_by if _ID.fullmatch(known_by) else hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest()[:16],
        name=name,
        firing=item.get("status") != "resolved",
        severity=labels.get("severity", ""),
        labels={_short(name): value for name, value in labels.items()},
        summary=_text(annotations, "summary"),
        description=_text(annotations, "description"),
        runbook=_text(annotations, "runbook_url") or _text(annotations, "runbook"),
        started=_time(_text(item, "startsAt")),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any, key: str) -> str:
    text = _mapping(value).get(key)
    return _short(text) if isinstance(text, str) else ""


def _short(text: str) -> str:
    return text[:_LONGEST].encode("utf-8", "replace").decode()  # JSON may hold half a surrogate pair, which no file takes


def _time(text: str) -> float | None:
    with contextlib.suppress(ValueError, OverflowError):
        at = datetime.fromisoformat(text)
        return max(0.0, at.timestamp()) if at.tzinfo else None
    return None
