"""The Pulumi engine with its plugins: the official ones where available, the stand-ins of `tools/offline/` elsewhere (D13)."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infra.paths import PROJECT_FOLDER, cache_folder
from infra.progress import say
from ops.core.files import write_atomic
from tools.bootstrap.errors import SetupError
from tools.bootstrap.official import (
    LANGUAGE_HOST,
    PACKAGES,
    VERSION,
    DownloadError,
    adopt_plugins,
    download_cli,
    download_plugins,
    is_right,
    is_whole,
    official_folder,
    plugin_name,
)
from tools.bootstrap.preflight import BUILD_BYTES, check_space
from tools.offline.cli import ensure_cli
from tools.offline.plugins.install import install_language_host, install_standins

Kind = Literal["official", "stand-in"]
_AGAIN = "`PLUGINS=official make up` tries again."
# How long a failed download of the plugins is remembered: where packets are dropped, each attempt takes minutes.
_REMEMBERED_S = 24 * 3600.0


@dataclass(frozen=True)
class Engine:
    """A Pulumi CLI and a PULUMI_HOME with the plugins that this program needs.

    Attributes:
        folder: Holds `pulumi`; first on the engine's PATH.
        home: The PULUMI_HOME, private to this checkout.
        kind: Whether its plugins are the official ones.
    """

    folder: Path
    home: Path
    kind: Kind

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Return the complete environment that the engine runs in."""
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
        wanted: `official`, `standin`, or empty for the official plugins where they are available.

    Raises:
        SetupError: `wanted` is none of these, or the official plugins are wanted but not available.
        CommandError: The offline engine cannot be built.
    """
    if wanted not in {"", "official", "standin"}:
        raise SetupError(f"PLUGINS={wanted} is unknown; use PLUGINS=official or PLUGINS=standin")
    home = state / "pulumi" / "official"
    there = wanted != "standin" and adopt_plugins(home)
    insist = wanted == "official" and not there
    folder, downloads = _find_cli(insist=insist)
    failed = state / "pulumi" / "download-failed"
    if wanted != "standin" and not there and (insist or (downloads and not _is_recent(failed))):
        there = _download(folder, home, failed, insist=insist)
    if there:
        _ensure_language_host(folder, home)
        return Engine(folder, home, "official")
    home = state / "pulumi" / "stand-in"
    install_standins(home, Path(sys.executable), PROJECT_FOLDER)
    _ensure_language_host(folder, home)
    return Engine(folder, home, "stand-in")


def _find_cli(*, insist: bool) -> tuple[Path, bool]:
    """Return the folder of a CLI of the right version, and whether it is an official one, which means that downloads work here.

    Args:
        insist: Try to download the official one even if one was built before, and do not build one.
    """
    on_path = shutil.which("pulumi")
    if on_path and is_right(Path(on_path)):
        return Path(on_path).parent, True
    official = cache_folder("pulumi") / VERSION
    if is_right(official / "bin" / "pulumi"):
        return official / "bin", True
    built = any(cache_folder("offline").glob(f"pulumi-cli-{VERSION}-*"))
    if insist or not built:
        try:
            download_cli(official)
        except DownloadError as error:
            if built:
                say(f"Pulumi cannot be downloaded here ({error}): using the one that was built from packages.")
            elif insist:
                raise _refusal(error) from error
            else:
                say(f"Pulumi cannot be downloaded here ({error}): building it from packages (once, some minutes). {_AGAIN}")
        else:
            return official / "bin", True
    if not built:
        check_space([cache_folder("offline")], needed=BUILD_BYTES)
    return ensure_cli(cache_folder("offline")), False


def _download(folder: Path, home: Path, failed: Path, *, insist: bool) -> bool:
    """Download the official plugins; return whether they are there now, and leave the file `failed` when they are not."""
    try:
        download_plugins(folder / "pulumi", home)
    except DownloadError as error:
        write_atomic(failed, f"{error}\n")
        if insist:
            raise _refusal(error) from error
        say(f"The official Pulumi plugins cannot be downloaded here ({error}): using the stand-ins. {_AGAIN}")
        return False
    failed.unlink(missing_ok=True)
    return True


def _is_recent(file: Path) -> bool:
    return file.is_file() and 0 <= time.time() - file.stat().st_mtime < _REMEMBERED_S


def _refusal(error: DownloadError) -> SetupError:
    programs = ", ".join(f"{plugin_name(package)}/pulumi-resource-{package}" for package in PACKAGES)
    return SetupError(
        f"PLUGINS=official: the official plugins are not in {official_folder()}, and downloading failed ({error}); "
        f"put them there as {programs}, or use PLUGINS=standin"
    )


def _ensure_language_host(folder: Path, home: Path) -> None:
    """Install our language host unless the official one came with the CLI or was adopted; ours refers to this checkout."""
    adopted = home / "plugins" / LANGUAGE_HOST / "pulumi-language-python"
    if not (folder / "pulumi-language-python").is_file() and not (adopted.is_symlink() and is_whole(adopted)):
        install_language_host(adopted.parent, Path(sys.executable), PROJECT_FOLDER)
