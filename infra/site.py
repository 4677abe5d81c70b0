"""The Python packages in the release: `ops`, and what it needs, as wheels for the host's Python (D14)."""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

import pulumi

from infra.cache import cached, digest
from infra.paths import PROJECT_FOLDER, cache_folder
from infra.release import Part
from ops.core.process import CommandError, run

HOST_PYTHON = "3.13"
_REQUIREMENTS = PROJECT_FOLDER / "ops" / "requirements.txt"
_INSTALL_LIMIT_S = 600
# Debian 13 and the stock Python image have glibc 2.41. A wheel's name has the oldest glibc that it runs on.
_GLIBC = ("2_17", "2_28", "2_34")


def machine() -> str:
    """Return this machine's architecture, as in the names of wheels."""
    return {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())


def ops_part() -> Part:
    """Return the ops package itself as a part of the release."""
    # The starter is what `regops catalogue add --from starter` takes entries from, the requirements are those of its full screen,
    # and the others are pages of the console.
    patterns = ("**/*.py", "catalogue/starter.yml", "requirements-ui.txt", "console/templates/*.html", "console/static/*.css")
    files = {
        path: content
        for pattern in patterns
        for path, content in Part.of_folder("ops", PROJECT_FOLDER / "ops", pattern).files.items()
    }
    return Part("ops", {f"ops/{path}": content for path, content in files.items()})


def site_part(architecture: str) -> Part:
    """Return the packages that ops needs as a part of the release. If they are not in the cache, install them from wheels.

    Args:
        architecture: The host's architecture, as in a wheel's name: x86_64 or aarch64.

    Raises:
        pulumi.RunError: The wheels cannot be downloaded. The engine shows this without a stack trace.
    """
    wanted = f"site-python{HOST_PYTHON}-{architecture}-{digest(_REQUIREMENTS.read_text())}"
    folder = cached(cache_folder("site"), wanted, lambda target: _install(target, architecture), what="the site folder of ops")
    return Part.of_large_folder("site", folder, cache_folder("digests"))


def _install(target: Path, architecture: str) -> None:
    platforms = [f"--platform=manylinux_{glibc}_{architecture}" for glibc in _GLIBC]
    wanted = [f"--python-version={HOST_PYTHON}", "--implementation=cp", "--only-binary=:all:", "--no-deps", "--require-hashes"]
    # Without it pip checks a package's requirements against the Python that it runs on, not HOST_PYTHON: https://github.com/pypa/pip/issues/11664
    options = ["--ignore-requires-python", "--no-compile", "--quiet", f"--target={target}", f"--requirement={_REQUIREMENTS}"]
    try:
        run([sys.executable, "-m", "pip", "install", *platforms, *wanted, *options], timeout=_INSTALL_LIMIT_S)
    except CommandError as error:
        raise pulumi.RunError(
            f"cannot install the wheels of ops/requirements.txt; is a package index reachable? {error}"
        ) from error
    shutil.rmtree(target / "bin", ignore_errors=True)
