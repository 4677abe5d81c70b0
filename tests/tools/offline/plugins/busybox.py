"""The smallest image that real containers can be run from: Debian's static busybox."""

from __future__ import annotations

import io
import tarfile
import tempfile
from pathlib import Path

from docker import APIClient

from ops.core.process import run

_LIMIT_S = 300
_COMMANDS = ("sh", "sleep", "true", "false", "test", "cat", "touch", "env")


def import_busybox(engine: APIClient, name: str) -> str:
    """Make the image; return its id."""
    changes = ['CMD ["sleep", "3600"]', "ENV PATH=/bin"]
    engine.import_image_from_data(_archive(), repository=name, tag="latest", changes=changes)
    return str(engine.inspect_image(name)["Id"])  # type: ignore[no-untyped-call]


def _archive() -> bytes:
    content = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=content, mode="w") as archive:
        run(["apt-get", "download", "busybox-static"], timeout=_LIMIT_S, cwd=Path(folder))
        (package,) = Path(folder).glob("busybox-static_*.deb")
        run(["dpkg", "-x", package, folder], timeout=_LIMIT_S)
        archive.add(next(path for path in Path(folder).rglob("busybox") if path.parent.name == "bin"), "bin/busybox")
        for command in _COMMANDS:
            link = tarfile.TarInfo(f"bin/{command}")
            link.type = tarfile.SYMTYPE
            link.linkname = "busybox"
            archive.addfile(link)
        temporary = tarfile.TarInfo("tmp")
        temporary.type = tarfile.DIRTYPE
        temporary.mode = 0o1777
        archive.addfile(temporary)
    return content.getvalue()
