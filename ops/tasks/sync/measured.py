"""The metrics of the mirror: how its entries fare, for the node exporter."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

from ops.runs.metrics import publish
from ops.tasks.sync.model import EntryState
from ops.tasks.sync.status import MirrorStatus

FILE = "regops-mirror.prom"
# Of more entries only those are named that are not well; of no more than so many, the longest without success first.
MOST_NAMED = 500


def write_metrics(folder: Path, status: MirrorStatus) -> None:
    """Write the metrics of a mirror after a run.

    Args:
        folder: Where the node exporter looks.
        status: How the mirror fares.

    Raises:
        OSError: The file cannot be written.
    """
    publish(folder / FILE, metrics_of(status))


def metrics_of(status: MirrorStatus) -> CollectorRegistry:
    """Return the metrics of a mirror. Times are in seconds since 1970; 0 stands for never."""
    registry = CollectorRegistry()
    entries = Gauge("regops_mirror_entries", "Entries of the catalogue, by how they fare.", ["state"], registry=registry)
    for state in EntryState:
        entries.labels(state).set(len(status.those(state)))
    for name, count in {"quarantined": len(status.quarantined), "unknown": status.unknown, "off": status.off}.items():
        entries.labels(name).set(count)
    quarantined = "Entries that failed so often that they are looked at once a day."
    Gauge("regops_mirror_quarantined", quarantined, registry=registry).set(len(status.quarantined))
    if status.ended is not None:
        ended = "When a run that looked at entries ended last."
        Gauge("regops_mirror_last_run_timestamp_seconds", ended, registry=registry).set(status.ended)
    pulls = Gauge("regops_mirror_pulls_remaining", "Pulls that a registry granted yet.", ["registry"], registry=registry)
    for name, left in status.pulls.items():
        pulls.labels(name).set(left)
    success = "When an entry was last as upstream has it."
    named = Gauge("regops_mirror_entry_last_success_seconds", success, ["entry"], registry=registry)
    known = [(one.well or 0.0 if one else 0.0, entry.name, status.is_well(one)) for entry, one in status.entries]
    shown = known if len(known) <= MOST_NAMED else [one for one in known if not one[2]]
    # The best first: of several entries with one name, the worst counts.
    for at, name, _ in sorted(sorted(shown)[:MOST_NAMED], reverse=True):
        named.labels(name).set(at)
    oldest = "When the entry was last as upstream has it for which that is longest ago."
    Gauge("regops_mirror_oldest_success_seconds", oldest, registry=registry).set(min((at for at, *_ in known), default=0.0))
    return registry
