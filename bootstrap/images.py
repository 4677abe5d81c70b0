"""The images of a stack: pulled by digest where a registry can be reached, made from packages elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker
import yaml
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from bootstrap.errors import SetupError
from infra.images import Image, load_lock
from infra.paths import cache_folder
from infra.project import LOCK
from offline.images import ensure_images
from ops.files import write_atomic

_PULL_LIMIT_S = 900


def ensure_lock(state: Path, lock: Path, docker_host: str) -> Path:
    """Return the lock to use: `lock` when its images are there or can be pulled, else one of images made from packages.

    Args:
        state: The checkout's state folder; a lock of offline images is written there.
        lock: The lock that the stack's settings name.
        docker_host: The engine that needs the images.

    Raises:
        SetupError: A registry says that an image does not exist, or IMAGES is neither official nor offline.
        SettingsError: The lock is invalid.
        CommandError: An offline image cannot be built.
    """
    wanted = os.environ.get("IMAGES", "")
    if wanted not in {"", "official", "offline"}:
        raise SetupError(f"IMAGES={wanted} is unknown; use IMAGES=official or IMAGES=offline")
    images = load_lock(lock, floors=LOCK)
    offline_lock = state / "images.lock"
    with contextlib.closing(docker.DockerClient(base_url=docker_host, timeout=_PULL_LIMIT_S)) as client:
        missing = [image for image in images.values() if not _is_there(client, image)]
        if wanted != "offline":
            if not missing:
                return lock
            chosen_before = offline_lock.is_file() and wanted != "official"
            if not chosen_before and _pull(client, missing, insist=wanted == "official"):
                return lock
        return _offline(images, offline_lock, client)


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
        sys.stderr.write(f"pulling {image.reference.partition('@')[0]} …\n")
        try:
            client.api.pull(image.reference)
        except NotFound as error:
            raise SetupError(
                f"images.lock: {image.name}: {image.reference} does not exist ({error.explanation}); correct its tag and digest"
            ) from error
        except (APIError, DockerException) as error:
            if insist:
                raise SetupError(f"images.lock: {image.name}: {image.reference} cannot be pulled: {error}") from error
            reason = getattr(error, "explanation", None) or error
            sys.stderr.write(f"Images cannot be pulled here ({reason}): making them from packages, once.\n")
            return False
    return True


def _offline(images: Mapping[str, Image], path: Path, client: docker.DockerClient) -> Path:
    made = ensure_images(images, client, cache_folder("offline"))
    lock: dict[str, Any] = {name: {"image": ref.reference, "version": ref.version} for name, ref in made.items()}
    write_atomic(path, "# Images made from packages on this machine; written by `make up`.\n" + yaml.safe_dump(lock))
    load_lock(path, floors=LOCK)
    return path
