"""Makes a running service reload its configuration, and goes back to the previous one if the service refuses it.

python3 -m ops.host.reload --root DIR live/edge --wanted edge-0123 --container NAME --confirm "reloaded" --check caddy validate
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from docker.errors import DockerException
from docker.models.containers import Container

from ops.core.docker_engine import connected
from ops.core.layout import CURRENT
from ops.host.releases import CONFIRMED, PREVIOUS, below, point

_CONFIRM_LIMIT_S = 30.0
_POLL_S = 0.2


class ReloadError(Exception):
    """The service refuses its configuration; the message says why."""


def reload(
    folder: Path, wanted: str, container: Container, *, check: Sequence[str] = (), confirmation: str, refusal: str = ""
) -> None:
    """Make a service reload its configuration, by SIGUSR1.

    Args:
        folder: The folder with the links `current`, `previous` and `confirmed`.
        wanted: The copy that `current` should point to. If the service does not take it, the link is set back.
        container: The service's.
        check: Command to run in the container first; it fails if the configuration is bad. Empty if the service checks it itself.
        confirmation: What the service logs once it uses it.
        refusal: What it logs if it does not; empty if it does not say so.

    Raises:
        ReloadError: The check failed, or the service did not confirm in time.
        DockerException: The Docker engine does not answer, or the container is not running.
    """
    before = _taken(folder, wanted)
    if (folder / CURRENT).readlink().name != wanted:
        if not (folder / wanted).is_dir():
            raise ReloadError(f"{folder / wanted} is missing; run `up` again")
        point(folder / CURRENT, wanted)  # an earlier run had set it back
    signalled = False
    try:
        checked = container.exec_run(list(check)) if check else None
        if checked and checked.exit_code != 0:
            raise ReloadError(f"{container.name} refuses its new configuration:\n{_text(checked.output)}")
        asked, signalled = time.time(), True
        _signal(container)
        _wait_for(confirmation, refusal, container, since=asked)
        point(folder / CONFIRMED, wanted)
    except (ReloadError, DockerException):
        point(folder / CURRENT, before)  # otherwise a restart would load what was refused
        if signalled:  # it may still be about to take in what has just been set back
            with contextlib.suppress(ReloadError, DockerException):
                _signal(container)
        raise


def _taken(folder: Path, wanted: str) -> str:
    """Return which copy the service is to go back to: the last one that it has taken, or else the one before."""
    for link in (CONFIRMED, PREVIOUS if (folder / CURRENT).readlink().name == wanted else CURRENT):
        if (folder / link).is_dir():
            return (folder / link).readlink().name
    return wanted


def _signal(container: Container) -> None:
    # Not through the engine: it takes any signal for a manual stop, after which it never restarts the container.
    # https://github.com/moby/moby/blob/v26.1.5/daemon/kill.go
    told = container.exec_run(["sh", "-c", "kill -USR1 1"])
    if told.exit_code != 0:
        raise ReloadError(f"cannot signal {container.name} to reload:\n{_text(told.output)}")


def _wait_for(confirmation: str, refusal: str, container: Container, *, since: float) -> None:
    give_up = time.monotonic() + _CONFIRM_LIMIT_S
    while confirmation not in (said := _text(container.logs(since=since))):
        if refused := [line for line in said.splitlines() if refusal and refusal in line]:
            raise ReloadError(f"{container.name} refuses its new configuration:\n{refused[-1]}")
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
    parser.add_argument("folder", help="the folder below it that the service reads")
    parser.add_argument("--wanted", required=True, help="the copy in it that the service should read")
    parser.add_argument("--container", required=True, help="name of the service's container")
    parser.add_argument(
        "--confirm", required=True, metavar="TEXT", help="what the service logs once it uses the new configuration"
    )
    parser.add_argument("--refuse", default="", metavar="TEXT", help="what the service logs if it does not use it")
    parser.add_argument(
        "--check",
        nargs=argparse.REMAINDER,
        default=[],
        help="command to run in the container first; all that follows is part of it",
    )
    given = parser.parse_args(arguments)
    try:
        with connected() as engine:
            container = engine.containers.get(given.container)
            folder = below(given.root, given.folder)
            reload(folder, given.wanted, container, check=given.check, confirmation=given.confirm, refusal=given.refuse)
    except (DockerException, OSError, ReloadError, ValueError) as error:
        sys.stderr.write(f"ops.host.reload {given.folder}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
