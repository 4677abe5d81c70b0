"""The images that a stack needs: pulled where their registries can be reached, built from packages elsewhere."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import threading
from collections.abc import Collection, Iterable, Iterator, Set
from pathlib import Path
from typing import Any

import docker
import yaml
from docker.errors import DockerException, ImageNotFound, NotFound, StreamParseError
from requests.exceptions import RequestException

from infra.images import Image, load_lock
from infra.paths import cache_folder
from infra.progress import progress, say
from infra.project import LOCK
from ops.core.files import write_atomic
from tools.bootstrap.errors import SetupError
from tools.offline.images import ensure_images
from tools.offline.recipes import RECIPES

_OFFLINE_LOCK = "images.lock"
_NO_PACKAGE = "its image cannot be pulled here, and no package has it"
_NOT_NEEDED = "its image was not needed and has not been built; `make up` builds it"
_ANSWER_LIMIT_S = 900
# A pull may take any time as long as it reports progress; the Docker engine usually ends stalled transfers itself.
_SILENCE_LIMIT_S = 300.0
# How registries and engines say that an image does not exist; a proxy's "404 Not Found" does not tell.
_NO_SUCH_IMAGE = re.compile(r"manifest unknown|not found|does not exist")


class _PullError(Exception):
    """An image could not be pulled; the message is the reason."""


def ensure_lock(state: Path, lock: Path, docker_host: str, needed: Collection[str]) -> Path:
    """Return the lock to use: `lock` when its images are there or can be pulled, else one of images built from packages.

    Args:
        state: The checkout's state folder; a lock of offline images is written there.
        lock: The lock that the stack's settings name.
        docker_host: The engine that needs the images.
        needed: Keys of the images that the stack's settings ask for; no others are pulled or built.

    Raises:
        SetupError: A registry says that an image does not exist, or IMAGES is neither official nor offline.
        SettingsError: The lock is invalid.
        CommandError: An offline image cannot be built.
    """
    wanted = _wanted()
    images = load_lock(lock, floors=LOCK)
    chosen = state / _OFFLINE_LOCK
    with contextlib.closing(docker.DockerClient(base_url=docker_host, timeout=_ANSWER_LIMIT_S)) as client:
        missing = _missing(client, images.values(), needed)
        if wanted != "offline":
            if not missing:
                return lock
            chosen_before = chosen.is_file() and wanted != "official"
            if not chosen_before and _pull(client, missing, insist=wanted == "official"):
                chosen.unlink(missing_ok=True)  # else it would be used again if these images were removed
                return lock
        return offline_lock(state, images.keys(), needed, client)


def find_lock(state: Path, lock: Path, docker_host: str, needed: Collection[str]) -> Path:
    """Return the lock that `ensure_lock` returned last, as far as can be told; nothing is pulled or built.

    Arguments are those of `ensure_lock`.

    Raises:
        SetupError: IMAGES is neither official nor offline.
        SettingsError: The lock is invalid.
    """
    wanted = _wanted()
    chosen = state / _OFFLINE_LOCK
    if wanted == "official" or not chosen.is_file():
        return lock
    if wanted == "offline":
        return chosen
    with contextlib.closing(docker.DockerClient(base_url=docker_host, timeout=_ANSWER_LIMIT_S)) as client:
        return chosen if _missing(client, load_lock(lock, floors=LOCK).values(), needed) else lock


def _wanted() -> str:
    wanted = os.environ.get("IMAGES", "")
    if wanted not in {"", "official", "offline"}:
        raise SetupError(f"IMAGES={wanted} is unknown; use IMAGES=official or IMAGES=offline")
    return wanted


def _missing(client: docker.DockerClient, images: Iterable[Image], needed: Collection[str]) -> list[Image]:
    """Return those of the needed images that the engine lacks and that are available."""
    return [image for image in images if image.name in needed and not image.unavailable and not _is_there(client, image)]


def _is_there(client: docker.DockerClient, image: Image) -> bool:
    try:
        client.images.get(image.reference)
    except ImageNotFound:
        return False
    return True


def _pull(client: docker.DockerClient, images: list[Image], *, insist: bool) -> bool:
    """Pull images; return False when their registries cannot be reached."""
    for image in images:
        if not image.pullable:
            raise SetupError(f"images.lock: {image.name}: this engine has no image {image.reference}, and no registry has it")
        try:
            with progress(f"pulling {image.tag}"):
                _pull_one(client, image)
        except _PullError as error:
            if insist:
                raise SetupError(f"images.lock: {image.name}: {image.reference} cannot be pulled: {error}") from error
            say(
                f"{image.tag} cannot be pulled here ({error}): building all images from packages, once. "
                "`IMAGES=official make up` tries again."
            )
            return False
    return True


def _pull_one(client: docker.DockerClient, image: Image) -> None:
    """Pull an image.

    Raises:
        SetupError: Its registry says that it does not exist.
        _PullError: It could not be pulled.
    """
    absent = f"images.lock: {image.name}: {image.reference} does not exist ({{}}); correct its tag and digest"
    try:
        for line in _lines(client, image.reference):
            # The status of the answer was sent before the first line; later failures are reported in a line.
            if fault := line.get("error"):
                if _NO_SUCH_IMAGE.search(fault):
                    raise SetupError(absent.format(fault))
                raise _PullError(fault)
        if not _is_there(client, image):
            raise _PullError("the Docker engine reported no error, but does not have the image")
    except NotFound as error:
        raise SetupError(absent.format(error.explanation)) from error
    except (DockerException, RequestException, StreamParseError) as error:
        raise _PullError(getattr(error, "explanation", None) or error) from error


def _lines(client: docker.DockerClient, reference: str) -> Iterator[dict[str, Any]]:
    """Yield what the engine reports while it pulls. The Docker library waits for ever, so a thread does the waiting."""
    told: queue.SimpleQueue[dict[str, Any] | Exception | None] = queue.SimpleQueue()

    def listen() -> None:
        try:
            for line in client.api.pull(reference, stream=True, decode=True):
                told.put(line)
            told.put(None)
        except Exception as error:  # noqa: BLE001  # raised by the one who waits
            told.put(error)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        try:
            line = told.get(timeout=_SILENCE_LIMIT_S)
        except queue.Empty:
            raise _PullError(f"the Docker engine has reported nothing for {_SILENCE_LIMIT_S:.0f} s") from None
        if line is None:
            return
        if isinstance(line, Exception):
            raise line
        yield line


def offline_lock(state: Path, images: Set[str], needed: Collection[str], client: docker.DockerClient) -> Path:
    """Build images from packages, and return a lock of them.

    Args:
        state: Where the lock is written.
        images: Keys of all images.
        needed: Keys of those to build, where there is a recipe.
        client: The engine to load them into.

    Raises:
        SettingsError: A package is too old.
        CommandError: An image cannot be built.
    """
    path = state / _OFFLINE_LOCK
    made = ensure_images([name for name in images if name in RECIPES and name in needed], client, cache_folder("offline"))
    lock: dict[str, Any] = {name: {"image": ref.reference, "version": ref.version} for name, ref in made.items()}
    for name in images - made.keys():
        lock[name] = {"unavailable": _NOT_NEEDED if name in RECIPES else _NO_PACKAGE}
    write_atomic(path, "# Images built from packages on this machine; written by `make up`.\n" + yaml.safe_dump(lock))
    load_lock(path, floors=LOCK)
    return path
