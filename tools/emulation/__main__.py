"""Tests the production stack without renting anything: create it, use it from outside, find nothing to change, destroy it.

make e2e
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.paths import PROJECT_FOLDER
from infra.progress import say
from ops.core.process import CommandError
from tools.emulation.client import Client
from tools.emulation.stack import EmulatedStack, emulated_stack

_ADDRESS = "127.0.0.50"
_IMAGE = "team/app:1"


@contextmanager
def _step(what: str) -> Iterator[None]:
    say(f"== {what}")
    start = time.monotonic()
    yield
    say(f"== {what}: {time.monotonic() - start:.1f} s")


def prove(emulated: EmulatedStack, folder: Path) -> None:
    """Run a stack through its whole life.

    Raises:
        CommandError: A step failed; the message says which command, and why.
        AssertionError: A check failed.
    """
    with _step("up, from an API token to a registry"):
        emulated.stack.up(stream=True)
    outputs = emulated.stack.outputs()
    with _step("push and pull from outside, over TLS"):
        client = Client(outputs["registry"], folder)
        client.trust(outputs["registry_authority"])
        client.login(outputs["registry_user"], outputs["registry_pass"])
        pushed = client.push(_IMAGE)
        stranger = Client(outputs["registry"], folder / "stranger")
        stranger.folder.mkdir()
        stranger.trust(outputs["registry_authority"])
        stranger.pull(_IMAGE)
        assert stranger.digest(_IMAGE) == pushed  # noqa: S101
    with _step("up again, which changes nothing"):
        emulated.stack.up("--expect-no-changes", stream=True)
    with _step("destroy, told twice"):
        emulated.release_protection()
        emulated.stack.destroy(stream=True)
    assert emulated.api.is_empty, "destroy left resources behind in the API"  # noqa: S101


def main() -> int:
    """Run it; return the exit code."""
    state = PROJECT_FOLDER / ".state"
    state.mkdir(exist_ok=True)
    name = f"e2e-{os.getpid()}"
    try:
        with (
            tempfile.TemporaryDirectory(dir=state, prefix="e2e-") as folder,
            emulated_stack(name, Path(folder), _ADDRESS) as stack,
        ):
            prove(stack, Path(folder))
    except CommandError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    say("The production stack was created, used and destroyed: nothing was rented.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
