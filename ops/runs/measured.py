"""The metrics of what no single run knows: the host's services, disks, connections, the registry's name, messages that wait."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Sequence
from pathlib import PurePath
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Gauge

from ops.core import exit_codes
from ops.host.connections import connections
from ops.host.file_systems import is_read_only
from ops.host.units import Unit, loaded_units
from ops.notify.notifier import Notifier
from ops.runs.history import ENDED, Run, history_of
from ops.runs.metrics import publish
from ops.stack.stack import Stack

FILE = "regops-host.prom"
# Their health is always told, and that of others while they have failed or were restarted.
_ALWAYS = ("docker.service", "containerd.service", "ssh.service", "systemd-journald.service")
_TASK, _SERVICE = "regops-", ".service"
# As the metrics of the node exporter name it.
_DOCKER_DISK = PurePath("/var/lib/docker")


def measure(stack: Stack) -> None:
    """Write the metrics of this host, if somebody reads them.

    Raises:
        OSError: The file cannot be written.
    """
    if stack.config.metrics:
        registry = metrics_of(stack, loaded_units(), history_of(stack).runs())
        publish(stack.root / stack.config.metrics / FILE, registry)


def metrics_of(stack: Stack, units: Sequence[Unit], runs: Sequence[Run]) -> CollectorRegistry:
    """Return the metrics.

    Args:
        stack: The stack on this host.
        units: The services that systemd has loaded.
        runs: The runs of its tasks.
    """
    registry = CollectorRegistry()
    _units(registry, units, runs)
    read_only = Gauge("regops_disk_read_only", "Whether a file system has become read-only.", ["disk"], registry=registry)
    read_only.labels("docker").set(is_read_only(_DOCKER_DISK))
    if table := connections():
        entries, limit = "Connections that the kernel's firewall remembers.", "How many of them it can remember."
        Gauge("regops_conntrack_entries", entries, registry=registry).set(table.entries)
        Gauge("regops_conntrack_limit", limit, registry=registry).set(table.limit)
    host = urlsplit(stack.config.url).hostname or ""
    if host not in stack.config.resolve and not _is_address(host):
        known = "Whether the registry's name can be looked up from here."
        Gauge("regops_name_resolves", known, registry=registry).set(_resolves(host))
    labels = ["channel"]
    pending = Gauge("regops_outbox_pending", "Messages that wait for a channel.", labels, registry=registry)
    dead = Gauge("regops_outbox_dead", "Messages that a channel refused, or that were given up.", labels, registry=registry)
    oldest = Gauge("regops_outbox_oldest_seconds", "Age of the oldest message that waits.", labels, registry=registry)
    for name, status in Notifier(stack).outbox.status(time.time()).items():
        pending.labels(name).set(status.pending)
        dead.labels(name).set(status.dead)
        oldest.labels(name).set(status.oldest_s or 0.0)
    return registry


def _units(registry: CollectorRegistry, units: Sequence[Unit], runs: Sequence[Run]) -> None:
    failed = Gauge("regops_unit_failed", "Whether a service has failed, and nobody was told yet.", ["unit"], registry=registry)
    restarts = Gauge("regops_unit_restarts", "How often systemd has restarted a service.", ["unit"], registry=registry)
    last = {run.task: run for run in runs}
    for unit in units:
        is_task = unit.name.startswith(_TASK)
        if is_task or unit.failed or unit.restarts or unit.name in _ALWAYS:
            task = unit.name.removeprefix(_TASK).removesuffix(_SERVICE) if is_task else ""
            failed.labels(unit.name).set(unit.failed and not _told(unit, last.get(task)))
            restarts.labels(unit.name).set(unit.restarts)


def _told(unit: Unit, run: Run | None) -> bool:
    """Whether a task has itself reported that it failed, as it does once it has come far enough to know that it runs."""
    return run is not None and run.state == ENDED and run.exit_code not in exit_codes.SUCCESSFUL and run.at >= int(unit.started)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _resolves(host: str) -> bool:
    """Whether a name can be looked up. A resolver that does not answer says nothing about the name, and clients use others."""
    try:
        socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except socket.gaierror as error:
        return error.errno == socket.EAI_AGAIN
    except UnicodeError:
        return False
    return True
