"""The part of the preparation that mounts the data volume. It is safe to run again and formats nothing."""

from __future__ import annotations

PACKAGES = ("e2fsprogs",)
# systemd.mount(5): Docker only starts with the volume (required-by) and after it is mounted (before), so no service ever starts
# on an empty folder. These options also take the mount out of local-fs.target, whose failure would leave the server without SSH;
# nofail says the same to other readers of fstab. `discard` returns freed space.
OPTIONS = "discard,nofail,x-systemd.required-by=docker.service,x-systemd.before=docker.service"
_DEVICE_LIMIT_S = 60


def mount_script(*, device: str, folder: str, size_gb: int) -> str:
    """Return the script, for `sh -eu` as root.

    Args:
        device: Path of the block device, which has an ext4 file system.
        folder: Where it is mounted, now and after each boot.
        size_gb: Size of the volume. It is in the script so that the script runs again when the volume has grown.
    """
    return f"""\
# The volume has {size_gb} GB.
device={device}
folder={folder}
timeout {_DEVICE_LIMIT_S} sh -c 'until [ -b "$1" ]; do sleep 0.5; done' - "$device" \\
    || {{ echo "the volume $device did not appear within {_DEVICE_LIMIT_S} s; is it attached to this server?"; exit 1; }}
mkdir -p "$folder"
mounted=$(findmnt --noheadings --output SOURCE --mountpoint "$folder" || true)
if [ -n "$mounted" ] && [ "$mounted" != "$(readlink -f "$device")" ]; then
    echo "$folder has another file system, $mounted, not the volume $device. Unmount it, then run the program again:"
    echo "    systemctl stop docker.socket docker; umount $folder"
    exit 1
fi
if [ -z "$mounted" ] && [ -n "$(ls -A "$folder")" ]; then
    echo "$folder is not empty, and the volume $device would hide its content. Move it to the volume, then run the program again:"
    echo "    systemctl stop 'regops-*' docker.socket docker; mount $device /mnt"
    echo "    cp -a $folder/. /mnt/ && umount /mnt && mv $folder $folder.old"
    exit 1
fi
line="$device $folder ext4 {OPTIONS} 0 0"
if ! grep -qxF "$line" /etc/fstab; then
    awk -v folder="$folder" '/^#/ || $2 != folder' /etc/fstab > /etc/fstab.part
    echo "$line" >> /etc/fstab.part
    sync /etc/fstab.part
    mv /etc/fstab.part /etc/fstab
    systemctl daemon-reload
fi
[ -n "$mounted" ] || mount "$folder"
resize2fs "$device"
"""
