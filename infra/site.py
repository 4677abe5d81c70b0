"""The Python packages that travel in the release: what `ops` needs, as wheels for the host's Python, and `ops` itself (D14)."""

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
# glibc 2.41 is what Debian 13 and the stock Python image have; wheels name the oldest glibc they run on.
_GLIBC = ("2_17", "2_28", "2_34")


def machine() -> str:
    """Return this machine's architecture as wheels name it."""
    return {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())


def ops_part() -> Part:
    """Return the ops package itself as a part of the release."""
    files = Part.of_folder("ops", PROJECT_FOLDER / "ops", "**/*.py").files
    return Part("ops", {f"ops/{path}": content for path, content in files.items()})


def site_part(architecture: str) -> Part:
    """Return the packages that ops needs as a part of the release, installed from wheels into the cache when missing.

    Args:
        architecture: Of the host, as in a wheel's name: x86_64 or aarch64.

    Raises:
        pulumi.RunError: The wheels cannot be had; the engine shows it without a stack trace.
    """
    wanted = f"site-python{HOST_PYTHON}-{architecture}-{digest(_REQUIREMENTS.read_text())}"
    folder = cached(cache_folder("site"), wanted, lambda target: _install(target, architecture), what="the site folder of ops")
    return Part.of_folder("site", folder)


def _install(target: Path, architecture: str) -> None:
    platforms = [f"--platform=manylinux_{glibc}_{architecture}" for glibc in _GLIBC]
    wanted = [f"--python-version={HOST_PYTHON}", "--implementation=cp", "--only-binary=:all:", "--no-deps", "--require-hashes"]
    # Else pip asks the Python that runs it, and not HOST_PYTHON, what a package requires: https://github.com/pypa/pip/issues/11664
    options = ["--ignore-requires-python", "--no-compile", "--quiet", f"--target={target}", f"--requirement={_REQUIREMENTS}"]
    try:
        run([sys.executable, "-m", "pip", "install", *platforms, *wanted, *options], timeout=_INSTALL_LIMIT_S)
    except CommandError as error:
        raise pulumi.RunError(
            f"the wheels of ops/requirements.txt cannot be installed; is a package index reachable? {error}"
        ) from error
    shutil.rmtree(target / "bin", ignore_errors=True)
