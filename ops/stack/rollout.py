"""Rolls out a stack's containers, and holds writes for the moment in which a registry that is replaced stops listening.

    python3 -m ops.stack.rollout --root DIR < services.json

The program runs this at the end of each `up`.

A server in Go that is told to stop answers what it is at, but drops requests that it has accepted and not yet read, without an
answer: https://github.com/golang/go/blob/go1.26.0/src/net/http/server.go#L1994 . The edge cannot know whether they were seen. So
it sends reads once more, and refuses writes, of which none must come in that moment.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from docker.errors import DockerException
from docker.models.containers import Container
from pydantic import ValidationError

from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER, Rollout
from ops.core.docker_engine import connected
from ops.core.labels import SERVICE_LABEL
from ops.core.process import CommandError
from ops.host.rollout import RolloutError, roll_out
from ops.registry.read_only import ReadOnlyMode, ReadOnlyModeError

_SERVICE = "registry"
# Time for writes that the edge has just let through to be read, for the registry to stop listening, and for the edge to notice
# that connections are closed that it wanted to use again.
_TRANSIT_S, _CLOSES_S, _NOTICED_S = 0.3, 1.0, 0.2
_LOOK_S = 0.05
# If this is killed, writes go on after that.
_LIMIT_S = 10.0


def stop(root: Path, container: Container) -> None:
    """Stop a container whose service another one runs already; of the registry, no write meets the end.

    Args:
        root: The stack's folder on this host.
        container: The container.

    Raises:
        DockerException: The engine does not answer.
    """
    container.reload()
    if container.labels.get(SERVICE_LABEL) == _SERVICE and container.status == "running":
        with _writes_held(root):
            container.kill(signal="SIGTERM")
            over = time.monotonic() + _CLOSES_S
            while container.status == "running" and time.monotonic() < over:
                time.sleep(_LOOK_S)
                container.reload()
            time.sleep(_NOTICED_S)
    container.stop()


@contextlib.contextmanager
def _writes_held(root: Path) -> Iterator[None]:
    """Hold writes at the edge for a moment, unless somebody does already, or nobody here may."""
    mode = ReadOnlyMode(root / READ_ONLY_FOLDER / READ_ONLY_FILE, _LIMIT_S)
    try:
        mode.turn_on("up", "the registry is being replaced")
    except (ReadOnlyModeError, OSError):
        yield
        return
    try:
        time.sleep(_TRANSIT_S)
        yield
    finally:
        mode.turn_off()


def main(arguments: Sequence[str] | None = None) -> int:
    """Roll out; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="ops.stack.rollout", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="the stack's folder on this host")
    given = parser.parse_args(arguments)
    try:
        with connected() as engine:
            roll_out(given.root, Rollout.model_validate_json(sys.stdin.read()), engine, stop)
    except (CommandError, DockerException, OSError, RolloutError, ValidationError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
