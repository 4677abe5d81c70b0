"""Runs every measurement on a stack of its own and writes docs/performance.md.

COLD=1 adds the first `make up` with nothing cached, COLD=only measures nothing else and leaves the rest of the page as it is.
BASELINE=REVISION measures that of an older revision too, in the same run. ONLY=gc measures garbage collection and nothing else,
ONLY=backups backups and restores, ONLY=mirror the mirror, ONLY=console the console, ONLY=interruptions how changes keep clients
waiting, ONLY=compared other ways to do the same, ONLY=growth what becomes of it with ten times as much. ONLY=tests, which nothing
else measures, runs the tests of BASELINE and then the same ones of what is committed: most of an hour. Where the baseline has
never run, its caches are cold, and the second measurement is the one that counts.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.paths import PROJECT_FOLDER
from ops.core.files import write_atomic
from tests.engine.changes import SETTINGS
from tests.engine.stacks import new_stack
from tests.engine.stand_ins import lock_with_stand_ins
from tests.plans import DEFAULTS
from tools.bench import (
    backup_times,
    change_times,
    cli_times,
    cold,
    compared_times,
    console_times,
    gateway_times,
    gc_times,
    growth_times,
    interruption_times,
    mirror_times,
    peers,
    server_times,
    stack_times,
    storm_times,
    suite_times,
    throughput,
)
from tools.bench.report import PAGE, Row, Table, render, replace_section
from tools.bootstrap.docker_engine import ensure_docker
from tools.bootstrap.preflight import BUILD_BYTES, check_space


def main() -> None:
    """Measure and write the page."""
    os.environ["DOCKER_HOST"] = ensure_docker()
    wanted, baseline = os.environ.get("COLD", ""), os.environ.get("BASELINE", "")
    # Not in /tmp, which is memory on many machines.
    state = PROJECT_FOLDER / ".state"
    state.mkdir(exist_ok=True)
    page = PAGE.read_text() if PAGE.is_file() else ""
    check_space([state], needed=throughput.NEEDED_BYTES + (BUILD_BYTES if wanted else 0))
    if only := os.environ.get("ONLY"):
        title, measure = ALONE[only]
        with tempfile.TemporaryDirectory(dir=state, prefix="bench-") as name:
            rows = measure(Path(name))
        write_atomic(PAGE, replace_section(page, title, rows))
        print(PAGE.read_text())
        return
    first: list[Row] = []
    if wanted:
        with tempfile.TemporaryDirectory(dir=state, prefix="bench-") as name:
            first = cold.measure(Path(name), baseline)
    if wanted == "only":
        write_atomic(PAGE, replace_section(page, cold.TITLE, first))
    else:
        sections = _all_sections(state)
        write_atomic(PAGE, render([*([(cold.TITLE, first)] if first else []), *sections], before=page, kept=_KEPT))
    print(PAGE.read_text())


def _garbage_collection(folder: Path) -> list[Row]:
    return [*gc_times.measure(folder / "gc"), *storm_times.measure(folder / "storm")]


def _interruptions(folder: Path) -> list[Row]:
    folder.mkdir(exist_ok=True)
    with new_stack(folder, {**SETTINGS, "images_lock": str(lock_with_stand_ins(folder))}) as stack:
        return interruption_times.measure(stack)


# What can be measured by itself.
ALONE: dict[str, tuple[str, Callable[[Path], Sequence[Row] | Table]]] = {
    "compared": (compared_times.TITLE, compared_times.measure),
    "console": (console_times.TITLE, console_times.measure),
    "backups": (backup_times.TITLE, backup_times.measure),
    "gc": (gc_times.TITLE, _garbage_collection),
    "growth": (growth_times.TITLE, growth_times.measure),
    "interruptions": (interruption_times.TITLE, _interruptions),
    "mirror": (mirror_times.TITLE, mirror_times.measure),
    "tests": (suite_times.TITLE, suite_times.measure),
}
# What a whole run leaves as it was, since it takes an hour.
_KEPT = (cold.TITLE, suite_times.TITLE)


def _all_sections(state: Path) -> list[tuple[str, Sequence[Row] | Table]]:
    """Measure everything that is quick once the caches are filled."""
    with tempfile.TemporaryDirectory(dir=state, prefix="bench-") as name, new_stack(Path(name), DEFAULTS) as stack:
        folder = Path(name)
        times = [stack_times.first_up(stack), *stack_times.warm(stack)]
        session = stack.open()
        plugins = session.stack.engine.kind
        limited = throughput.over_tls(session.outputs(), folder)
        told = gateway_times.measure(stack)
        session = stack.open(change={"limits": throughput.no_limits()})
        edge = throughput.edge_of(stack, session.up(stream=False))
        with peers.registry_alone(folder / "alone") as alone:
            free = throughput.compare(edge, alone, folder)
        session.destroy(stream=False)
        served = server_times.measure(folder / "server")
        looked = change_times.measure(folder / "changes")
        backed_up = backup_times.measure(folder / "backups")
        collected = _garbage_collection(folder)
        mirrored = mirror_times.measure(folder / "mirror")
        shown = console_times.measure(folder / "console")
        interrupted = _interruptions(folder / "interruptions")
        helped = cli_times.measure()
        compared = compared_times.measure(folder / "compared")
        grown = growth_times.measure(folder / "growth")
    return [
        (compared_times.TITLE, compared),
        (growth_times.TITLE, grown),
        (f"The stack ({plugins} plugins)", times),
        (f"Push and pull, no CPU limits, plain HTTP, client and services on {os.cpu_count()} cores", free),
        ("Push and pull, limits in force, TLS", limited),
        (f"A production stack on an emulated server ({plugins} plugins)", served),
        ("Events that the gateway keeps, limits in force, each on disk before it is answered", told),
        ("Change detection, plain HTTP, client and registry on the same cores", looked),
        (gc_times.TITLE, collected),
        (backup_times.TITLE, backed_up),
        (mirror_times.TITLE, mirrored),
        (console_times.TITLE, shown),
        (interruption_times.TITLE, interrupted),
        ("The command line", helped),
    ]


if __name__ == "__main__":
    main()
