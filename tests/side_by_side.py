"""Which tests run side by side when there are several workers: `pytest --numprocesses 6`.

A worker gets a whole file at a time, so that module fixtures start once. The slowest files come first, so that no slow one is
left running alone at the end.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

# These share one stack, which a second worker would have to bring up again.
_LIVING, _RENTED = "the living stack", "the rented stack"
_UNITS = {
    f"tests/engine/{name}.py": _LIVING
    for name in (
        "test_clients",
        "test_conformance",
        "test_edge",
        "test_refusals",
        "test_review",
        "test_secrets",
        "test_slow_readers",
    )
}
_UNITS |= {f"tests/engine/{name}.py": _RENTED for name in ("test_console", "test_console_pages", "test_keys", "test_server")}
# Slowest first; everything else follows in the order in which it was collected.
_FIRST = (
    "tests/engine/test_interrupted.py",
    _RENTED,
    "tests/engine/test_server_disasters.py",
    "tests/engine/test_life.py",
    "tests/engine/test_recovery.py",
    "tests/engine/test_whole.py",
    "tests/engine/test_regops.py",
    "tests/tools/offline/plugins/test_engine.py",
    _LIVING,
    "tests/engine/test_version_before.py",
    "tests/engine/test_upgrades.py",
    "tests/tools/emulation/test_box_append_only.py",
    "tests/engine/test_server_volume.py",
    "tests/stack_components/monitoring/test_services.py",
    "tests/stack_components/edge/test_held_writes.py",
    "tests/ops/host/test_rollout.py",
    "tests/ops/tasks/backup/test_faults.py",
    "tests/ops/cli/test_bans.py",
    "tests/tools/emulation/test_volume_devices.py",
    "tests/stack_components/protection/test_bouncer.py",
    "tests/engine/test_storm.py",
    "tests/stack_components/protection/test_requests.py",
    "tests/tools/offline/plugins/hcloud/test_engine.py",
    "tests/test_recipes.py",
    "tests/ops/tasks/doctor/test_run.py",
    "tests/stack_components/protection/test_container.py",
    "tests/tools/emulation/test_servers.py",
    "tests/tools/offline/test_golang.py",
    "tests/tools/offline/test_images.py",
)


def unit(nodeid: str) -> str:
    """Return the unit that a test belongs to; the tests of a unit run one after the other in one worker."""
    path = nodeid.partition("::")[0]
    return _UNITS.get(path, path)


def rank(name: str) -> int:
    """Return the place of a unit in the queue."""
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


class FilesSideBySide(LoadScopeScheduling):
    """Hands out units of tests."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)
