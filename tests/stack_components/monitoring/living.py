"""What a living stack is asked about its alerts, and what `regops` would have measured on its server."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from infra.server.schedule import schedule
from ops.config.notify import NotifySettings
from ops.host.units import Unit
from ops.runs.measured import FILE, metrics_of
from ops.runs.metrics import publish, write
from ops.tasks.sync import measured as mirror
from ops.tasks.sync.model import MirrorEntry
from ops.tasks.sync.status import MirrorStatus
from stack_components.monitoring.error_budget import error_budget
from stack_components.monitoring.rules import Alert
from tests.ops.runs.test_task import CHANNEL, stack_in
from tests.stack_components.monitoring import test_alerts
from tests.stack_components.monitoring.monitoring_rig import Stack, fetch_in

_NO_IMAGE = ("crowdsec", "cadvisor", "cadvisor-socket")
# The plan of a server with all that is measured here. Of CrowdSec and cAdvisor no package has an image.
MEASURED = replace(test_alerts.PLAN, services=tuple(name for name in test_alerts.PLAN.services if name not in _NO_IMAGE))
# Selectors that rightly find nothing, with the reason.
WITHOUT_DATA = {
    "registry_notifications_pending_total": "it begins with the registry's first event",
    'caddy_http_request_duration_seconds_count{handler="subroute",method="PATCH",code="500"}': "no upload has failed",
    'registry_http_requests_total{handler="manifest",method="put",code="201"}': "nothing was pushed",
    'registry_http_requests_total{code=~"5..",method!~"patch|put"}': "nothing has failed",
    'probe_ssl_earliest_cert_expiry{job="probe"}': "here the registry is probed without TLS",
}
# What tasks measure that alerts look at.
_FIGURES = {"backup": {"suspicious": 0.0}, "gc": {"refused": 0.0}}
# With probes each second instead of each half minute they count wrongly; tests/…/test_outages.py has them.
_OTHERS = {rule.alert for group in error_budget("") for rule in group.rules if isinstance(rule, Alert)}
# Tests start services again and again.
_OTHERS |= {"ServiceRestarts"}


def ask(stack: Stack, path: str) -> Any:
    """Return what Prometheus answers, asked within its own container: any other may have stopped."""
    url = f"http://127.0.0.1:9090/prometheus/api/v1/{path}"
    return json.loads(fetch_in(stack.containers["prometheus"], url))["data"]


def raised(stack: Stack) -> set[str]:
    """Return the alerts about services that fire, or would if what they saw lasted."""
    known = [one["labels"] for one in ask(stack, "alerts")["alerts"]]
    return {
        labels["alertname"] for labels in known if labels["severity"] != "none" and labels["service"] in stack.plan.services
    } - _OTHERS


def with_data(stack: Stack, selectors: Sequence[str]) -> set[str]:
    """Return those of these selectors that find series."""
    found = set()
    for first in range(0, len(selectors), 20):
        some = selectors[first : first + 20]
        query = " or ".join(f'label_replace(count({one}), "selector", "{index}", "", "")' for index, one in enumerate(some))
        found |= {some[int(one["metric"]["selector"])] for one in ask(stack, f"query?query={quote(query)}")["result"]}
    return found


def write_all(folder: Path) -> None:
    """Write into a folder what `regops` does on a server whose tasks have all run."""
    now = time.time()
    for task in schedule(MEASURED):
        write(folder, task.name, ended=now, seconds=1.0, exit_code=0, figures=_FIGURES.get(task.name, {}))
    notify = NotifySettings.model_validate({"channels": {"phone": CHANNEL}})
    registry = metrics_of(stack_in(folder.parent / "of-regops", notify=notify), [Unit("docker.service")], [])
    publish(folder / FILE, registry)
    entry = MirrorEntry(1, None, "library/alpine", None, None, "docker.io/library/alpine")
    mirror.write_metrics(folder, MirrorStatus(((entry, None),), 0, now, {"docker.io": 90}))
