"""The file systems of this host: whether the kernel has made one read-only."""

from __future__ import annotations

from pathlib import Path, PurePath

_MOUNTS = Path("/proc/self/mountinfo")
# The second is what ext4 says of itself after errors, on newer kernels: https://docs.kernel.org/admin-guide/ext4.html
_READ_ONLY = {"ro", "emergency_ro"}


def is_read_only(path: PurePath, mounts: str | None = None) -> bool:
    """Whether the file system that holds a path is read-only as a whole, and not only where this process looks at it.

    Args:
        path: An absolute path.
        mounts: What is mounted, as in /proc/self/mountinfo (proc_pid_mountinfo(5)); None to look.

    Raises:
        OSError: It cannot be seen.
    """
    options = {"/": ""}
    for line in (_MOUNTS.read_text(errors="replace") if mounts is None else mounts).splitlines():
        fields, _, rest = line.partition(" - ")
        options[fields.split()[4].replace("\\040", " ")] = rest.split()[-1]  # the last mount of a folder is the one that is seen
    holding = max((folder for folder in options if path.is_relative_to(folder)), key=len)
    return not _READ_ONLY.isdisjoint(options[holding].split(","))
