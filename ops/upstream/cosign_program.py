"""Which cosign verifies: the one that the settings name, or one that somebody has installed on this machine."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ops.config import CosignSource

_PROGRAM = "cosign"
# Where people put it; timers look in fewer folders than shells do.
_FOLDERS = ("/usr/local/bin", "/opt/cosign/bin")


@dataclass(frozen=True)
class CosignProgram:
    """A cosign.

    Attributes:
        path: Where it is, or will be.
        source: Where it comes from; None for one that somebody has installed.
    """

    path: Path
    source: CosignSource | None = None

    def ready(self) -> Path:
        """Return where it is, fetched first if it is missing.

        Raises:
            CosignError: It cannot be fetched, or is another one than it should be.
            OSError: It cannot be written.
        """
        from ops.upstream.cosign_fetching import fetched  # noqa: PLC0415  # a catalogue is checked without it

        return fetched(self.source, self.path) if self.source else self.path


def cosign_program(source: CosignSource | None, folder: Path) -> CosignProgram | None:
    """Return the cosign that verifies; None if there is none.

    Args:
        source: What the settings name; None for nothing.
        folder: Where that is kept.
    """
    if source is not None:
        return CosignProgram(folder / f"{_PROGRAM}-{source.sha256[:16]}", source)
    found = _installed()
    return CosignProgram(Path(found)) if found else None


def can_verify(source: CosignSource | None) -> bool:
    """Whether there is a cosign, or the settings name one."""
    return source is not None or _installed() is not None


def _installed() -> str | None:
    return shutil.which(_PROGRAM, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *_FOLDERS]))
