"""A real Prometheus that remembers ten days: with an outage of twelve minutes, a single probe that failed, and a restart."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docker.models.containers import Container

from infra.local import service_user
from ops.stack.stack import Stack
from stack_components.monitoring import services
from tests.ops.runs.test_task import stack_in
from tests.plans import plan_of
from tests.stack_components.monitoring.monitoring_rig import image, running_stack

_PLAN = plan_of(protection={"enabled": False}, monitoring={"grafana": False, "cadvisor": False})
_DAY_S = 86_400
_LIMITS = {"cpus": 1, "memory_mib": 256}
REMEMBERED_S = 10 * _DAY_S
# Before now, and how many probes failed in a row.
OUTAGE_S, OUTAGE_PROBES, BLIP_S = 3 * _DAY_S, 25, 5 * 3600


@dataclass(frozen=True)
class Past:
    """A stack whose Prometheus knows of the past.

    Attributes:
        now: The time of its last probe, in seconds since 1970.
    """

    stack: Stack
    prometheus: Container
    now: float


@contextlib.contextmanager
def prometheus_with_a_past(folder: Path) -> Iterator[Past]:
    """Give it."""
    now = time.time() // 30 * 30
    (folder / "past.txt").write_text("\n".join([*_probes(now), *_starts(now), "# EOF\n"]))
    with running_stack(_PLAN, folder, {}, {}) as running:
        data = folder / "data" / "prometheus"
        data.mkdir(parents=True)
        words = [
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            "--max-block-duration=720h",
            "/past/past.txt",
            "/past/data/prometheus",
        ]
        running.engine.containers.run(
            image(running.engine, "prometheus"),
            words,
            entrypoint=["promtool"],
            remove=True,
            network_mode="none",
            user="0:0",
            volumes={str(folder): {"bind": "/past", "mode": "rw"}},
        )
        for path in (data, *data.rglob("*")):
            os.chown(path, *map(int, service_user(_PLAN.settings).split(":")))
        container = running.start("prometheus", services.prometheus_args(_PLAN))
        names = dict.fromkeys(("registry", "prometheus", "blackbox-exporter"), _LIMITS)
        (folder / "stack").mkdir()
        yield Past(stack_in(folder / "stack", services=names, name=str(running.network.name)), container, now)


def _probes(now: float) -> Iterator[str]:
    yield "# TYPE probe_success gauge"
    outage = range(OUTAGE_S, OUTAGE_S - OUTAGE_PROBES * 30, -30)
    for before in range(REMEMBERED_S - 30, -1, -30):
        good = before not in outage and before != BLIP_S
        yield f'probe_success{{instance="r",job="probe"}} {int(good)} {now - before:.0f}'


def _starts(now: float) -> Iterator[str]:
    yield "# TYPE process_start_time_seconds gauge"
    for before in range(REMEMBERED_S - 240, -1, -240):
        at = now - (OUTAGE_S - 60 if before < OUTAGE_S - 60 else 9 * _DAY_S)
        yield f'process_start_time_seconds{{instance="g",job="registry"}} {at:.0f} {now - before:.0f}'
