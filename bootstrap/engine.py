"""The Pulumi engine with its plugins: the official ones where they can be had, the ones of `offline/` elsewhere (D13)."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import semver

from bootstrap.errors import SetupError
from bootstrap.preflight import BUILD_BYTES, check_space
from infra.paths import PROJECT_FOLDER, cache_folder
from offline.cli import ensure_cli
from offline.plugins.install import install_language_host, install_standins
from offline.plugins.version import plugin_version
from ops.process import CommandError, run

Kind = Literal["official", "stand-in"]
_PACKAGES = ("docker", "command")
_VERSION = version("pulumi")
_INSTALL_LIMIT_S = 600


@dataclass(frozen=True)
class Engine:
    """A Pulumi CLI and a PULUMI_HOME with the plugins that this program needs.

    Attributes:
        folder: Holds `pulumi`; first on the engine's PATH.
        home: The PULUMI_HOME, private to this checkout.
        kind: Whose plugins they are.
    """

    folder: Path
    home: Path
    kind: Kind

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment that the engine runs in."""
        search = [str(self.folder), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
        return {
            **os.environ,
            "PATH": os.pathsep.join(search),
            "PULUMI_HOME": str(self.home),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
            **extra,
        }


def ensure_engine(state: Path, *, wanted: str) -> Engine:
    """Return an engine, installed or built first where it is missing.

    Args:
        state: The checkout's state folder.
        wanted: `official`, `standin`, or empty for the official plugins where they can be had.

    Raises:
        SetupError: `wanted` is neither, or the official plugins are wanted and cannot be had.
        CommandError: The offline engine cannot be built.
    """
    if wanted not in {"", "official", "standin"}:
        raise SetupError(f"PLUGINS={wanted} is unknown; use PLUGINS=official or PLUGINS=standin")
    folder, downloaded = _find_cli()
    home = state / "pulumi" / "official"
    if wanted != "standin" and (_adopt_official(home) or (downloaded and _download_official(folder, home))):
        _ensure_language_host(folder, home)
        return Engine(folder, home, "official")
    if wanted == "official":
        raise SetupError(
            "PLUGINS=official: the official plugins are neither in "
            f"{_official_folder()} nor can they be downloaded; put them there as "
            + ", ".join(f"{_plugin_name(package)}/pulumi-resource-{package}" for package in _PACKAGES)
            + ", or use PLUGINS=standin"
        )
    home = state / "pulumi" / "stand-in"
    install_standins(home, Path(sys.executable), PROJECT_FOLDER)
    _ensure_language_host(folder, home)
    return Engine(folder, home, "stand-in")


def _find_cli() -> tuple[Path, bool]:
    """Return the folder of a CLI of the right version, and whether the official download works here."""
    official = cache_folder("pulumi") / _VERSION / "bin"
    on_path = shutil.which("pulumi")
    if on_path and _is_right(Path(on_path)):
        return Path(on_path).parent, True
    if _is_right(official / "pulumi"):
        return official, True
    if not _built_before() and _download_cli(official.parent):
        return official, True
    if not _built_before():
        check_space([cache_folder("offline")], needed=BUILD_BYTES)
    return ensure_cli(cache_folder("offline")), False


def _is_right(pulumi: Path) -> bool:
    if not pulumi.is_file():
        return False
    try:
        return run([pulumi, "version"], timeout=30).stdout.strip() == f"v{_VERSION}"
    except CommandError:
        return False


def _built_before() -> bool:
    return any(cache_folder("offline").glob(f"pulumi-cli-{_VERSION}-*"))


def _download_cli(root: Path) -> bool:
    # The Automation API carries Pulumi's own installer; it takes a third of a second to import.
    from pulumi.automation import PulumiCommand  # noqa: PLC0415

    try:
        run(["curl", "--silent", "--head", "--fail", "--max-time", "10", "https://get.pulumi.com/"], timeout=15)
        PulumiCommand.install(root=str(root), version=semver.VersionInfo.parse(_VERSION))
    except Exception:  # noqa: BLE001  # whatever the reason, the answer is the same: build it
        sys.stderr.write("Pulumi cannot be downloaded here: building it from packages (once, some minutes).\n")
        return False
    return True


def _official_folder() -> Path:
    return Path(os.environ.get("OFFICIAL_PLUGINS") or Path.home() / ".pulumi" / "plugins")


def _plugin_name(package: str) -> str:
    return f"resource-{package}-v{plugin_version(package)}"


def _adopt_official(home: Path) -> bool:
    """Link official plugins that this user already has into our PULUMI_HOME; return whether all are there."""
    names = [(_plugin_name(package), f"pulumi-resource-{package}") for package in _PACKAGES]
    host = f"language-python-v{_VERSION}"
    for name, program in [*names, (host, "pulumi-language-python"), (host, "pulumi-language-python-exec")]:
        source = _official_folder() / name / program
        link = home / "plugins" / name / program
        if source.is_file() and not link.exists():
            # The engine overlooks folders that are links, but not files.
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(source)
    return all((home / "plugins" / name / program).is_file() for name, program in names)


def _download_official(folder: Path, home: Path) -> bool:
    environment = {**os.environ, "PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        for package in _PACKAGES:
            command: list[str | Path] = [folder / "pulumi", "plugin", "install", "resource", package, plugin_version(package)]
            run(command, timeout=_INSTALL_LIMIT_S, env=environment)
    except CommandError:
        sys.stderr.write("The official Pulumi plugins cannot be downloaded here: using the stand-ins of offline/.\n")
        return False
    return True


def _ensure_language_host(folder: Path, home: Path) -> None:
    """File our language host unless the CLI brings the official one along, or the plugins folder has it."""
    official = (
        folder / "pulumi-language-python",
        home / "plugins" / f"language-python-v{_VERSION}" / "pulumi-language-python",
    )
    if not any(path.is_file() for path in official):
        install_language_host(official[1].parent, Path(sys.executable), PROJECT_FOLDER)
