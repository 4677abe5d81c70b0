"""Attaches volumes to an emulated server: each is a file shared by all servers, and a block device here.

Copied into the server; it knows nothing of the project. As `boot` it goes before systemd, and is run again, as `serve`, when the
volumes of a server that is on have changed. A loop device is freed by the kernel when the last of its users is gone: the process
that holds it here, and whoever has mounted it. So none is left when the server's container ends, however it ends.
"""

import errno
import fcntl
import json
import os
import signal
import stat
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

IMAGES = Path("/var/lib/emulation/volumes")
WANTED = Path("/var/lib/emulation/wanted.json")
HELD = Path("/run/emulation-volumes")  # by id: the process that holds the device; empty after a boot
LINKS = Path("/dev/disk/by-id")
GIB = 1 << 30
# linux/loop.h, and linux/fs.h for the last one, which ext4 and XFS share.
LOOP_CONFIGURE, LOOP_SET_CAPACITY, LOOP_CTL_GET_FREE = 0x4C0A, 0x4C07, 0x4C82
AUTOCLEAR = 4
SHUTDOWN, NO_FLUSH = 0x8004587D, 2
CONTROL = os.makedev(10, 237)


def image_of(volume: int) -> Path:
    """Return the file of a volume."""
    return IMAGES / f"{volume}.img"


def make(image: Path, size: int, filesystem: str | None) -> None:
    """Create the file of a volume, completely or not at all."""
    part = image.with_suffix(".part")
    part.unlink(missing_ok=True)
    part.touch()
    os.truncate(part, size)
    if filesystem:
        subprocess.run([f"mkfs.{filesystem}", "-q", str(part)], check=True)
    part.rename(image)


def node(path: Path, kind: int, device: int) -> Path:
    """Return a device node; create it if it is missing."""
    with suppress(FileExistsError):
        os.mknod(path, kind | 0o600, device)
    return path


def take(image: Path) -> tuple[int, Path]:
    """Return a loop device for a file, and the handle that keeps it: the device is freed once all handles are closed."""
    control = os.open(node(Path("/dev/loop-control"), stat.S_IFCHR, CONTROL), os.O_RDWR)
    file = os.open(image, os.O_RDWR)
    name = str(image).encode()[:63]
    settings = struct.pack("=2I5Q4I64s64s32s2Q64x", file, 0, *[0] * 8, AUTOCLEAR, name, b"", b"", 0, 0)
    while True:
        number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
        major, minor = map(int, Path(f"/sys/block/loop{number}/dev").read_text().split(":"))
        path = node(Path(f"/dev/loop{number}"), stat.S_IFBLK, os.makedev(major, minor))
        device = os.open(path, os.O_RDWR)
        try:
            fcntl.ioctl(device, LOOP_CONFIGURE, settings)
        except OSError as error:
            os.close(device)
            if error.errno != errno.EBUSY:  # otherwise another server was faster
                raise
        else:
            os.close(file)
            os.close(control)
            return device, path


def hold(device: int) -> int:
    """Start a process that holds a device until it is killed; return its id."""
    if process := os.fork():
        os.close(device)
        return process
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    while True:
        signal.pause()


def plug(volume: int, size: int, filesystem: str | None) -> None:
    """Attach a volume at its size; its content stays."""
    image, link = image_of(volume), LINKS / f"scsi-0HC_Volume_{volume}"
    if not image.exists():
        make(image, size, filesystem)
    if image.stat().st_size < size:
        os.truncate(image, size)
    if (HELD / str(volume)).exists():
        device = os.open(link, os.O_RDONLY)
        fcntl.ioctl(device, LOOP_SET_CAPACITY)
        os.close(device)
        return
    device, path = take(image)
    link.unlink(missing_ok=True)
    link.symlink_to(path)
    (HELD / str(volume)).write_text(str(hold(device)))


def unplug(held: Path) -> None:
    """Pull out a volume, even if mounted: unwritten data is lost, and whoever still uses it gets errors."""
    link = LINKS / f"scsi-0HC_Volume_{held.name}"
    device = link.stat().st_rdev
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        _, _, numbers, _, target, *_ = line.split()
        if numbers == f"{os.major(device)}:{os.minor(device)}":
            folder = os.open(target, os.O_RDONLY)
            fcntl.ioctl(folder, SHUTDOWN, struct.pack("I", NO_FLUSH))
            os.close(folder)
    os.kill(int(held.read_text()), signal.SIGKILL)
    link.unlink()
    held.unlink()


def serve() -> None:
    """Give the server exactly the volumes it should have."""
    for folder in (IMAGES, HELD, LINKS):
        folder.mkdir(parents=True, exist_ok=True)
    wanted = {volume["id"]: volume for volume in json.loads(WANTED.read_text())}
    for held in HELD.iterdir():
        if int(held.name) not in wanted:
            unplug(held)
    for volume in wanted.values():
        plug(volume["id"], volume["size_gb"] * GIB, volume["format"])


if __name__ == "__main__":
    serve()
    if sys.argv[1:] == ["boot"]:
        os.execv("/sbin/init", ["/sbin/init"])  # noqa: S606
