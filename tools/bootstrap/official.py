"""Pulumi's own CLI and plugins: those that this user already has are used, others are downloaded."""

from __future__ import annotations

import http.client
import os
import shutil
import tempfile
import urllib.request
from importlib.metadata import version
from pathlib import Path

from infra.progress import progress
from ops.core.process import CommandError, run
from tools.offline.plugins.version import plugin_version

VERSION = version("pulumi")
PACKAGES = ("docker", "command", "hcloud")
LANGUAGE_HOST = f"language-python-v{VERSION}"
_INSTALLER = "https://get.pulumi.com/install.sh"
_ANSWER_LIMIT_S = 10.0
_INSTALL_LIMIT_S = 600.0


class DownloadError(Exception):
    """Part of Pulumi cannot be downloaded here; the message is the reason, in one line."""


def official_folder() -> Path:
    """Return the folder where this user's official plugins are."""
    given = os.environ.get("OFFICIAL_PLUGINS")
    return Path(given).absolute() if given else Path.home() / ".pulumi" / "plugins"


def plugin_name(package: str) -> str:
    """Return the folder name of a plugin, of the version that the installed SDK asks for."""
    return f"resource-{package}-v{plugin_version(package)}"


def is_right(pulumi: Path) -> bool:
    """Return whether this is a Pulumi CLI of the same version as the SDK."""
    if not pulumi.is_file():
        return False
    try:
        return run([pulumi, "version"], timeout=30).stdout.strip() == f"v{VERSION}"
    except CommandError:
        return False


def is_whole(program: Path) -> bool:
    """Return whether a plugin's program is there, and not left by an interrupted download.

    Pulumi unpacks into the plugin's folder itself, and until it has finished there is a file `<folder>.partial`.
    """
    return program.is_file() and not any(_marker(path.parent).exists() for path in (program, program.resolve()))


def adopt_plugins(home: Path) -> bool:
    """Link official plugins that this user already has into our PULUMI_HOME; return whether all are there."""
    names = [(plugin_name(package), f"pulumi-resource-{package}") for package in PACKAGES]
    host = [(LANGUAGE_HOST, "pulumi-language-python"), (LANGUAGE_HOST, "pulumi-language-python-exec")]
    for name, program in [*names, *host]:
        source = official_folder() / name / program
        link = home / "plugins" / name / program
        if is_whole(link):
            continue
        if link.is_symlink():
            link.unlink()
        if is_whole(source):
            _remove_partial(link.parent)
            # The engine ignores folders that are links, but not files.
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(source)
    return all(is_whole(home / "plugins" / name / program) for name, program in names)


def download_cli(root: Path) -> None:
    """Install the official CLI as `bin/pulumi` below a folder.

    Raises:
        DownloadError: It cannot be downloaded.
    """
    with progress(f"downloading the Pulumi CLI {VERSION}"), tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "install.sh"
        try:
            with urllib.request.urlopen(_INSTALLER, timeout=_ANSWER_LIMIT_S) as answer:
                script.write_bytes(answer.read())
            arguments = ["--no-edit-path", "--install-root", str(root), "--version", VERSION]
            run(["sh", script, *arguments], timeout=_INSTALL_LIMIT_S)
        except (OSError, http.client.HTTPException, CommandError) as error:
            raise DownloadError(_reason(error)) from error
        if not is_right(root / "bin" / "pulumi"):
            raise DownloadError(f"Pulumi's installer left no Pulumi {VERSION} in {root}/bin")


def download_plugins(pulumi: Path, home: Path) -> None:
    """Install the official plugins into a PULUMI_HOME.

    Raises:
        DownloadError: One cannot be downloaded.
    """
    environment = {**os.environ, "PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    with progress(f"downloading the Pulumi plugins {', '.join(PACKAGES)}"):
        for package in PACKAGES:
            try:
                arguments = ["plugin", "install", "resource", package, plugin_version(package)]
                run([pulumi, *arguments], timeout=_INSTALL_LIMIT_S, env=environment)
            except CommandError as error:
                raise DownloadError(_reason(error)) from error


def _marker(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.partial")


def _remove_partial(folder: Path) -> None:
    """Remove what an interrupted download left; without the marker the engine would take the folder for a plugin."""
    if _marker(folder).exists():
        shutil.rmtree(folder, ignore_errors=True)
        _marker(folder).unlink()


def _reason(error: Exception) -> str:
    """Return the line that says why; Pulumi's last line only counts its attempts."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    reason = next((line for line in reversed(lines) if "Error downloading" in line), lines[-1])
    return reason.removeprefix("<urlopen error ").removeprefix("warning: ").removeprefix("error: ").removesuffix(">").strip()
