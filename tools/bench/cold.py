"""`make up` on a fresh clone with nothing cached: no Python packages, no modules, no builds; today's tree and an older revision.

What the Docker engine has stays there: official images that it has are not pulled again, and ours are made, but not loaded again
where the engine has the same.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from infra.paths import PROJECT_FOLDER
from infra.settings import PROJECT
from ops.core.process import run
from tests.engine.stacks import new_stack
from tests.plans import DEFAULTS
from tools.bench.report import Row

TITLE = "The first `make up`, nothing cached"
_LIMIT_S = 3 * 3600
# Caches of another run, or of this machine's user, must not help.
_CACHES = {
    "XDG_CACHE_HOME": "",
    "PIP_CACHE_DIR": "pip",
    "UV_CACHE_DIR": "uv",
    "GOCACHE": "go-build",
    "GOPATH": "go",
    "GOMODCACHE": "go/pkg/mod",
}


@dataclass(frozen=True)
class _Run:
    revision: str
    seconds: float
    core_seconds: float
    detail: str


def measure(folder: Path, baseline: str) -> list[Row]:
    """Run `make up` of what is committed, and before it that of an older revision on the same machine.

    Args:
        folder: Where clones and caches go; what is made in it is removed again, but for the clones.
        baseline: The older revision; empty for none.
    """
    rows = []
    load = f"{os.getloadavg()[2]:.1f}"
    before = _first_up(folder / "before", baseline) if baseline else None
    now = _first_up(folder / "now", "HEAD")
    if before:
        rows.append(_row(f"at {before.revision}, the baseline", before))
    rows.append(_row(f"at {now.revision}, this tree", now))
    if before:
        detail = f"one after the other, the baseline first, each with caches of its own; load before them {load}"
        rows.append(Row("this tree / the baseline", detail, "≤ 0.6", now.seconds / before.seconds, ""))
    return rows


def _row(what: str, one: _Run) -> Row:
    return Row(what, f"{one.detail}; {one.core_seconds:.0f} CPU seconds", "", one.seconds, "s")


def _first_up(folder: Path, revision: str) -> _Run:
    """Clone the project at a revision, run `make up` in it with empty caches, and take it down again."""
    clone = folder / "clone"
    run(["git", "clone", "--quiet", "--no-checkout", PROJECT_FOLDER, clone], timeout=60)
    commit = run(["git", "rev-parse", "--short", revision], timeout=60, cwd=PROJECT_FOLDER).stdout.strip()
    run(["git", "checkout", "--quiet", "--detach", commit], timeout=60, cwd=clone)
    # Removing such a folder copes with subfolders that are read-only, as Go's modules are.
    with new_stack(folder, DEFAULTS) as stack, tempfile.TemporaryDirectory(dir=folder) as caches:
        settings = {f"{PROJECT}:{key}": value for key, value in stack.settings.items()}
        (clone / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": settings}))
        environment = {**os.environ, **{name: str(Path(caches, below)) for name, below in _CACHES.items()}}
        began, used = time.perf_counter(), _core_seconds()
        made = run(["make", "-C", clone, "up"], timeout=_LIMIT_S, env=environment)
        seconds, core_seconds = time.perf_counter() - began, _core_seconds() - used
        run(["make", "-C", clone, "down"], timeout=_LIMIT_S, env=environment)
        detail = _detail(made.stderr, clone, Path(caches))
    return _Run(commit, seconds, core_seconds, detail)


def _core_seconds() -> float:
    """Return the CPU seconds of all child processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def _detail(told: str, clone: Path, caches: Path) -> str:
    """Return what was built from packages and what was official, as far as can be told."""
    plugins = re.search(r"Pulumi engine with (\S+) plugins", told)
    engine = "built from packages" if any(caches.glob("private-registry/offline/pulumi-cli-*")) else "official"
    images = "built from packages" if (clone / ".state" / "images.lock").exists() else "official"
    return f"fresh clone; engine {engine}, {plugins[1] if plugins else 'unknown'} plugins, images {images}"
