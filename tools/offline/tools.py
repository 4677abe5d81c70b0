"""Registry clients that tests and benchmarks use besides the docker command."""

from __future__ import annotations

from pathlib import Path

from infra.progress import say
from tools.offline.debian import PackageError, apt_install
from tools.offline.golang import GoProgram, ensure_program

_CRANE = GoProgram("github.com/google/go-containerregistry", "cmd/crane", "0.22.1")


def ensure_crane(cache: Path) -> Path:
    """Return the path of crane, built first if the cache lacks it.

    Raises:
        CommandError: Go or a module is not available, or the build failed.
    """
    return ensure_program(_CRANE, cache)


def ensure_skopeo() -> Path | None:
    """Return the path of skopeo, installed first if possible; else None, with the reason on standard error."""
    try:
        return apt_install("skopeo", "skopeo", purpose="testing with a second registry client")
    except PackageError as error:
        say(str(error))
        return None
