"""Whether a file system has become read-only, as the kernel tells of it, and on this machine."""

from __future__ import annotations

from pathlib import Path, PurePath

import pytest

from ops.host.file_systems import is_read_only

# Root is as it should be; /srv has had errors; a unit sees /var read-only, which is nobody's fault.
MOUNTS = """\
21 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
30 21 0:27 / /proc rw,nosuid - proc proc rw
40 21 254:16 / /srv rw,noatime shared:2 - ext4 /dev/vdb ro
41 40 254:16 /private\\040registry /srv/private\\040registry rw - ext4 /dev/vdb ro
50 21 254:1 /var /var ro,relatime shared:1 master:1 - ext4 /dev/vda1 rw,errors=remount-ro
60 21 254:17 / /mnt/new rw - ext4 /dev/vdc rw,emergency_ro
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", False),
        ("/var/lib/docker", False),
        ("/srv", True),
        ("/srv/private registry/data", True),
        ("/srv2", False),
        ("/mnt/new/data", True),
    ],
)
def test_it_is_read_only_when_the_kernel_says_so_of_all_of_it(path: str, expected: bool) -> None:
    assert is_read_only(PurePath(path), MOUNTS) is expected


def test_what_can_be_written_to_is_not(tmp_path: Path) -> None:
    assert not is_read_only(tmp_path)


def test_what_the_kernel_has_made_so_is() -> None:
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    read_only = [fields[4] for fields in mounts if fields[-1].split(",")[0] == "ro"]
    if not read_only:
        pytest.skip("nothing is read-only on this machine")
    assert is_read_only(PurePath(read_only[-1]))
