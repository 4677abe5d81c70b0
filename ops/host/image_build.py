"""Builds an image on this host from a folder of the release, unless the engine already has it, and prints its id.

python3 -m ops.host.image_build --root DIR parts/edge-image-0123456789abcdef
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

import docker
from docker.errors import BuildError, DockerException, ImageNotFound
from requests.exceptions import RequestException

from ops.core.docker_engine import connected

# A Dockerfile labels its first stage with this, so that it is removed: it holds compilers and sources.
SCRATCH_LABEL = "private-registry.scratch"
_REPOSITORY = "private-registry"
# A step that compiles may print nothing for a long time.
_SILENCE_LIMIT_S = 1800
_TAIL_LINES = 30


def build(folder: Path, engine: docker.DockerClient, *, network: str | None = None) -> str:
    """Return the id of the image that the Dockerfile in a folder describes.

    The image's tag is the folder's name, which changes with its content: what has been built is not built again.

    Args:
        folder: A part of the release, `parts/<name>-<digest>`.
        engine: This host's Docker engine.
        network: The network that its steps use; None for the engine's default.

    Raises:
        BuildError: A step failed.
        DockerException: The Docker engine does not answer, or refuses the Dockerfile.
    """
    name, _, digest = folder.name.rpartition("-")
    tag = f"{_REPOSITORY}/{name}:{digest}"
    with contextlib.suppress(ImageNotFound):
        return str(engine.images.get(tag).id)
    image, _ = engine.images.build(path=str(folder), tag=tag, network_mode=network, rm=True, forcerm=True)
    engine.images.prune(filters={"dangling": True, "label": SCRATCH_LABEL})
    return str(image.id)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build one image; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="ops.host.image_build", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="the stack's folder on this host")
    parser.add_argument("folder", help="the folder below it that holds the Dockerfile")
    given = parser.parse_args(arguments)
    try:
        with connected(timeout=_SILENCE_LIMIT_S) as engine:
            sys.stdout.write(build(given.root / given.folder, engine))
    except BuildError as error:
        printed = "".join(line.get("stream", "") for line in error.build_log).splitlines()
        sys.stderr.write("\n".join([*printed[-_TAIL_LINES:], f"ops.host.image_build {given.folder}: {error}", ""]))
        return 1
    except (DockerException, OSError, RequestException) as error:
        sys.stderr.write(f"ops.host.image_build {given.folder}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
