"""Images of the emulated machines: Debian 13 built from packages, as a server and as a Storage Box."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import docker
from docker.errors import DockerException, ImageNotFound

from infra.cache import cached, digest
from ops.core.files import write_atomic
from ops.core.process import CommandError
from tools.offline.debian import RootFilesystem, make_root_filesystem
from tools.offline.layers import diff_id

_REPOSITORY = "private-registry-emulation"
_TARBALL, _FACTS = "root.tar", "diff-id"

# Each machine makes its own, like a real one.
_NO_HOST_KEYS = 'rm -f "$1"/etc/ssh/ssh_host_*'
# Docker sets up the network before systemd starts; metadata comes only from the seed.
_CLOUD_CONFIG = (
    "printf 'network: {config: disabled}\\ndatasource_list: [NoCloud, None]\\n' > \"$1\"/etc/cloud/cloud.cfg.d/95-emulation.cfg"
)
# As udev has it, which runs in no container: everybody may open it.
_FUSE = 'echo "z /dev/fuse 0666" > "$1"/etc/tmpfiles.d/fuse.conf'
_NULL = "/dev/null"
SERVER = RootFilesystem(
    packages=(
        "ca-certificates",
        "cloud-init",
        "cron",
        "curl",
        "dbus",
        "docker-cli",
        "docker.io",
        "e2fsprogs",
        "fuse3",
        "iproute2",
        "iptables",
        "kmod",
        "libpam-systemd",
        "logrotate",
        "openssh-server",
        "procps",
        "python3",
        "python3-venv",
        "restic",
        "rsync",
        "sudo",
        "systemd-sysv",
        "unattended-upgrades",
        "xz-utils",
    ),
    links=(
        ("/etc/systemd/system/systemd-networkd.service", _NULL),
        ("/etc/systemd/system/systemd-networkd.socket", _NULL),
        ("/etc/systemd/system/systemd-networkd-wait-online.service", _NULL),
    ),
    clean_up=(*RootFilesystem(()).clean_up, _NO_HOST_KEYS, _CLOUD_CONFIG, _FUSE, 'truncate -s 0 "$1"/etc/machine-id'),
)
BOX = RootFilesystem(
    packages=("openssh-server", "python3", "rclone", "rsync", "tree"), clean_up=(*RootFilesystem(()).clean_up, _NO_HOST_KEYS)
)


def ensure_image(name: str, contents: RootFilesystem, engine: docker.DockerClient, cache: Path) -> str:
    """Return the tag of an image; build and import it first if the cache or the engine lacks it.

    Args:
        name: What kind of machine it is.
        contents: What it holds.
        engine: The Docker engine that needs it.
        cache: The folder of `infra.cache`.

    Raises:
        PackageError: A build tool cannot be installed.
        CommandError: A package is not available, or the engine refused the image.
    """

    def build(folder: Path) -> None:
        make_root_filesystem(contents, folder / _TARBALL)
        write_atomic(folder / _FACTS, diff_id(folder / _TARBALL))

    entry = cached(cache, f"machine-{name}-{digest(asdict(contents))}", build, what=f"the emulated {name}")
    tag = (entry / _FACTS).read_text().removeprefix("sha256:")[:12]
    image = f"{_REPOSITORY}/{name}:{tag}"
    try:
        engine.images.get(image)
    except ImageNotFound:
        try:
            engine.api.import_image_from_file(str(entry / _TARBALL), repository=f"{_REPOSITORY}/{name}", tag=tag)
        except DockerException as error:
            raise CommandError(f"the Docker engine refused the image of the emulated {name}: {error}") from error
    return image
