"""The edge's own program, Caddy with the CrowdSec bouncer, built from the files of its image with the Go of this machine."""

from __future__ import annotations

import contextlib
import os
import tempfile
from functools import cache
from pathlib import Path

from infra.cache import cached, digest
from infra.paths import cache_folder
from ops.core.process import run
from stack_components.protection.component import parts
from stack_components.protection.edge_image import PART
from tests.plans import plan_of
from tools.offline.golang import find_go, kept_caches

# The checksum database does not know this module everywhere, and go.sum leaves it to that. These are of the tag's own files:
# https://github.com/hslatman/caddy-crowdsec-bouncer/tree/f1e77b2d4497f6bd512660dd1338e2ad291a5210
_BOUNCER_SUMS = """\
github.com/hslatman/caddy-crowdsec-bouncer v0.12.1 h1:d93ekOwhjHwMOyrfmD4CNpuhkYgk0xHYm/LTRm9v01E=
github.com/hslatman/caddy-crowdsec-bouncer v0.12.1/go.mod h1:OjdH5gw41edO5vzxkMeQF5a/cvxs16Ll2XSFBXlddbQ=
"""
_NAME = "caddy"
_LIMIT_S = 3600.0


@cache
def caddy_with_bouncer() -> Path:
    """Return the path of the program, built first when the cache lacks it."""
    (image,) = [part for part in parts(plan_of()) if part.name == PART]
    files = {name: content.decode() for name, content in image.files.items() if name != "Dockerfile"}
    files["go.sum"] += _BOUNCER_SUMS
    store = cache_folder("offline")
    return (
        cached(store, f"test-edge-{digest(files)}", lambda folder: _build(folder, files), what="Caddy with its bouncer") / _NAME
    )


def _build(folder: Path, files: dict[str, str]) -> None:
    go = find_go(cache_folder("offline"))
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-mod=mod"}
    with contextlib.ExitStack() as opened:
        if go.caches:
            opened.enter_context(kept_caches(go.caches.parent))
            environment |= {"GOCACHE": str(go.caches / "builds"), "GOMODCACHE": str(go.caches / "modules")}
            environment["GOFLAGS"] += " -modcacherw"  # otherwise its folders cannot be removed
        workspace = Path(opened.enter_context(tempfile.TemporaryDirectory(dir=folder, prefix=".go-")))
        for name, text in files.items():
            (workspace / name).write_text(text)
        argv: list[str | Path] = [
            go.program,
            "build",
            "-trimpath",
            "-buildvcs=false",
            "-ldflags",
            "-s -w",
            "-o",
            folder / _NAME,
            ".",
        ]
        run(argv, timeout=_LIMIT_S, env=environment, cwd=workspace)
