"""Makes a running service reload its configuration, and goes back to the previous one if the service refuses it.

python3 -m ops.host.reload --root DIR edge --wanted edge-0123 --container NAME --confirm "reloaded" -- caddy validate
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from docker.errors import DockerException
from docker.models.containers import Container

from ops.core.docker_engine import connected
from ops.host.releases import CURRENT, LIVE, PREVIOUS, point

_CONFIRM_LIMIT_S = 30.0
_POLL_S = 0.2


class ReloadError(Exception):
    """The service refuses its configuration; the message says why."""


def reload(folder: Path, wanted: str, container: Container, *, check: Sequence[str], confirmation: str) -> None:
    """Make a service reload its configuration, by SIGUSR1.

    Args:
        folder: The folder with the links `current` and `previous`.
        wanted: The copy that `current` should point to. If the service refuses it, the link is set back.
        container: The service's.
        check: Command to run in the container first; it fails if the configuration is bad.
        confirmation: What the service logs once it uses it.

    Raises:
        ReloadError: The check failed, or the service did not confirm in time.
        DockerException: The Docker engine does not answer, or the container is not running.
    """
    before = (folder / CURRENT).readlink().name
    if before == wanted:
        before = (folder / PREVIOUS).readlink().name if (folder / PREVIOUS).is_dir() else wanted
    elif (folder / wanted).is_dir():
        point(folder / CURRENT, wanted)  # an earlier run had set it back
    else:
        raise ReloadError(f"{folder / wanted} is missing; run `up` again")
    try:
        checked = container.exec_run(list(check))
        if checked.exit_code != 0:
            raise ReloadError(f"{container.name} refuses its new configuration:\n{_text(checked.output)}")
        asked = time.time()
        # Not through the engine: it takes any signal for a manual stop, after which it never restarts the container.
        # https://github.com/moby/moby/blob/v26.1.5/daemon/kill.go
        told = container.exec_run(["sh", "-c", "kill -USR1 1"])
        if told.exit_code != 0:
            raise ReloadError(f"cannot signal {container.name} to reload:\n{_text(told.output)}")
        _wait_for(confirmation, container, since=asked)
    except ReloadError:
        point(folder / CURRENT, before)  # otherwise a restart would load what was refused
        raise


def _wait_for(confirmation: str, container: Container, *, since: float) -> None:
    give_up = time.monotonic() + _CONFIRM_LIMIT_S
    while confirmation not in _text(container.logs(since=since)):
        if time.monotonic() > give_up:
            raise ReloadError(f"{container.name} did not confirm its new configuration within {_CONFIRM_LIMIT_S:.0f} s")
        time.sleep(_POLL_S)


def _text(output: object) -> str:
    """Return the text of an output, which the Docker library gives as bytes unless asked for a stream."""
    assert isinstance(output, bytes)  # noqa: S101
    return output.decode(errors="replace")


def main(arguments: Sequence[str] | None = None) -> int:
    """Reload one service; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="ops.host.reload", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="the stack's folder on this host")
    parser.add_argument("part", help="the hot-reloaded part that the service reads")
    parser.add_argument("--wanted", required=True, help="the copy of it that the service should read")
    parser.add_argument("--container", required=True, help="name of the service's container")
    parser.add_argument(
        "--confirm", required=True, metavar="TEXT", help="what the service logs once it uses the new configuration"
    )
    parser.add_argument("check", nargs="+", help="command to run in the container first")
    given = parser.parse_args(arguments)
    try:
        with connected() as engine:
            container = engine.containers.get(given.container)
            reload(given.root / LIVE / given.part, given.wanted, container, check=given.check, confirmation=given.confirm)
    except (DockerException, OSError, ReloadError) as error:
        sys.stderr.write(f"ops.host.reload {given.part}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
