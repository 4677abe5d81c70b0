"""A Docker engine's data with images in it: loaded once into a volume, of which each server gets the layers as hard links.

Loading unpacks several hundred megabytes. Layers never change once they are there, so servers can share their files.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import docker
from docker.errors import APIError, NotFound

from infra.cache import digest
from infra.paths import cache_folder
from infra.progress import progress
from ops.core.locks import Holder, hold, stuck
from ops.core.process import CommandError, run
from tools.emulation.containers import run_as_machine

DATA = "/var/lib/docker"
_LABEL = "private-registry.emulation.images"
_PREFIX = "private-registry-emulation-images-"
_COMPLETE = "-complete"
_TARBALL = "/var/lib/images.tar"
_LIMIT_S = 600.0
_LOAD = f"""\
dockerd --bridge none --iptables=false --ip6tables=false >/tmp/log 2>&1 &
timeout 60 sh -c 'until docker version >/dev/null 2>&1; do sleep 0.1; done' || {{ cat /tmp/log >&2; exit 1; }}
docker load --quiet --input {_TARBALL}
kill $!
wait
"""
# What else an engine keeps it makes anew, or changes in place.
_GIVE = """\
cp --archive --link "$1/overlay2" "$2/"
cp --archive "$1/image" "$2/"
"""


def ensure_loaded(engine: docker.DockerClient, machine: str, references: Sequence[str]) -> str:
    """Return the name of a volume whose content is the data of an engine with images; it is made first if there is none.

    Args:
        engine: The Docker engine that has the images.
        machine: The image of a server, which has a Docker engine of its own.
        references: The images.

    Raises:
        CommandError: The images cannot be saved or loaded, or another process does that for too long.
    """
    images = sorted({str(engine.images.get(one).id) for one in references})
    name = f"{_PREFIX}{digest([machine, images, sorted(references), _LOAD])}"

    def refusal(holder: Holder | None) -> CommandError:
        return CommandError(stuck(holder, "loading images", _LIMIT_S))

    with hold(cache_folder("run") / "emulated-images.lock", "loading images", refusal=refusal, patience=_LIMIT_S):
        if not _exists(engine, name + _COMPLETE):
            with progress(f"loading {len(images)} images for emulated servers"):
                _load(engine, machine, name, references, {_LABEL: " ".join(images)})
    return name


def give(engine: docker.DockerClient, machine: str, loaded: str, volume: str) -> None:
    """Give the images in a volume of `ensure_loaded` to an empty one.

    Raises:
        CommandError: It failed.
    """
    origin, target = (Path(engine.volumes.get(one).attrs["Mountpoint"]) for one in (loaded, volume))
    # Links cannot lead from one mount to another, so both are seen through one.
    top = origin.parent.parent
    seen = [f"/volumes/{one.relative_to(top)}" for one in (origin, target)]
    run_as_machine(engine, machine, _GIVE, seen, volumes={str(top): {"bind": "/volumes", "mode": "rw"}})


def sweep_loaded(engine: docker.DockerClient) -> None:
    """Remove the volumes with images that the engine no longer has."""
    there = {str(image.id) for image in engine.images.list(all=True)}
    for volume in engine.volumes.list(filters={"label": _LABEL}):
        if not there.issuperset(volume.attrs["Labels"][_LABEL].split()):
            with contextlib.suppress(NotFound, APIError):  # another process sweeps too, or makes it just now
                volume.remove()


def _load(engine: docker.DockerClient, machine: str, name: str, references: Sequence[str], labels: dict[str, str]) -> None:
    if _exists(engine, name):
        engine.volumes.get(name).remove(force=True)  # a killed process left it
    saved = cache_folder("run") / "emulated-images.tar"
    try:
        run(["docker", "save", "--output", saved, *references], timeout=_LIMIT_S)
        engine.volumes.create(name, labels=labels)
        volumes = {name: {"bind": DATA, "mode": "rw"}, str(saved): {"bind": _TARBALL, "mode": "ro"}}
        run_as_machine(engine, machine, _LOAD, volumes=volumes)
    finally:
        saved.unlink(missing_ok=True)
    engine.volumes.create(name + _COMPLETE, labels=labels)


def _exists(engine: docker.DockerClient, volume: str) -> bool:
    try:
        engine.volumes.get(volume)
    except NotFound:
        return False
    return True
