"""`make up` on a fresh clone with nothing cached: no Python packages, no modules, no builds.

What the Docker engine has stays there: official images that it has are not pulled again, and ours are made but not loaded again.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from pathlib import Path

import yaml

from infra.paths import PROJECT_FOLDER
from infra.settings import PROJECT
from ops.core.process import run
from tests.engine.stacks import TestStack
from tools.bench.report import Row

_LIMIT_S = 3600


def first_up(stack: TestStack, folder: Path) -> Row:
    """Clone what is committed, run `make up` in it with empty caches, and take it down again."""
    clone = folder / "clone"
    run(["git", "clone", "--quiet", PROJECT_FOLDER, clone], timeout=60)
    settings = {f"{PROJECT}:{key}": value for key, value in stack.settings.items()}
    (clone / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": settings}))
    # Removing this one copes with folders that may not be written, as Go's modules are.
    with tempfile.TemporaryDirectory(dir=folder) as caches:
        environment = {**os.environ, "XDG_CACHE_HOME": caches, "PIP_CACHE_DIR": f"{caches}/pip"}
        environment |= {"GOCACHE": f"{caches}/go-build", "GOPATH": f"{caches}/go", "GOMODCACHE": f"{caches}/go/pkg/mod"}
        start = time.perf_counter()
        made = run(["make", "-C", clone, "up"], timeout=_LIMIT_S, env=environment)
        took = time.perf_counter() - start
        run(["make", "-C", clone, "down"], timeout=_LIMIT_S, env=environment)
        return Row("first `make up`, nothing cached", _detail(made.stderr, clone, Path(caches)), "", took, "s")


def _detail(told: str, clone: Path, caches: Path) -> str:
    """Return what was built from packages and what was official, as far as it can be seen."""
    plugins = re.search(r"Pulumi engine with (\S+) plugins", told)
    engine = "built from packages" if any(caches.glob("private-registry/offline/pulumi-cli-*")) else "official"
    images = "built from packages" if (clone / ".state" / "images.lock").exists() else "official"
    return f"fresh clone; engine {engine}, {plugins[1] if plugins else 'unknown'} plugins, images {images}"
