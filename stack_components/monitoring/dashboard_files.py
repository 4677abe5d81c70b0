"""The dashboards of a stack as files, from this machine's cache: to import what renders them takes a third of a second."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from infra.cache import digest
from infra.paths import PROJECT_FOLDER, cache_folder
from infra.plan import Plan
from ops.core.files import write_atomic
from stack_components.monitoring.dashboards.shown import Shown

# What dashboards are rendered by: our code, and the pinned library.
_SOURCES = ("stack_components/monitoring/**/*.py", "ops/config/objective.py", "requirements.txt")
_UNUSED_LIMIT_S = 90 * 24 * 3600.0


def dashboard_files(plan: Plan) -> Mapping[str, str]:
    """Return the dashboards of a stack by the names of their files.

    They are rendered when they would differ from all that this machine has rendered before.

    Raises:
        OSError: The cache cannot be written.
    """
    shown = Shown.of(plan)
    kept = cache_folder("dashboards") / f"{_key(shown)}.json"
    with contextlib.suppress(OSError, ValueError):  # missing, or not what was written
        found: dict[str, str] = json.loads(kept.read_text())
        return found
    return _rendered(shown, kept)


def _rendered(shown: Shown, kept: Path) -> Mapping[str, str]:
    # Here and nowhere else: see above.
    from stack_components.monitoring.dashboards.rendering import rendered  # noqa: PLC0415

    files = {f"{name}.json": text for name, text in rendered(shown).items()}
    kept.parent.mkdir(parents=True, exist_ok=True)
    oldest = time.time() - _UNUSED_LIMIT_S
    for old in kept.parent.glob("*.json"):
        with contextlib.suppress(FileNotFoundError):  # another process does the same
            if old.stat().st_mtime < oldest:
                old.unlink()
    write_atomic(kept, json.dumps(files))
    return files


def _key(shown: Shown) -> str:
    paths = sorted(path for pattern in _SOURCES for path in PROJECT_FOLDER.glob(pattern))
    return digest([{**asdict(shown), "services": sorted(shown.services)}, [path.read_text() for path in paths]])
