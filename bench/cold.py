"""`make up` on a fresh clone with nothing cached: no Python packages, no modules, no builds, no images of ours."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import yaml

from bench.report import Row
from infra.paths import PROJECT_FOLDER
from infra.settings import PROJECT
from ops.process import run
from tests.engine.stacks import TestStack

_LIMIT_S = 3600


def first_up(stack: TestStack, folder: Path) -> Row:
    """Clone what is committed, run `make up` in it with empty caches, and take it down again."""
    clone, caches = folder / "clone", folder / "caches"
    run(["git", "clone", "--quiet", PROJECT_FOLDER, clone], timeout=60)
    settings = {f"{PROJECT}:{key}": value for key, value in stack.settings.items()}
    (clone / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": settings}))
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(caches),
        "PIP_CACHE_DIR": str(caches / "pip"),
        "GOCACHE": str(caches / "go-build"),
        "GOPATH": str(caches / "go"),
        "GOFLAGS": "-modcacherw",  # else the folder could not be removed
    }
    try:
        start = time.perf_counter()
        run(["make", "-C", clone, "up"], timeout=_LIMIT_S, env=environment)
        took = time.perf_counter() - start
        run(["make", "-C", clone, "down"], timeout=_LIMIT_S, env=environment)
    finally:
        shutil.rmtree(caches, ignore_errors=True)
    return Row("first `make up`, nothing cached", "fresh clone, engine and images built from packages", "", took, "s")
