"""Tests the production stack without renting anything: its whole life (`make e2e`), or a disaster (`make drill`)."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infra.paths import PROJECT_FOLDER
from infra.progress import say
from ops.core.process import CommandError
from tools.emulation.client import Client
from tools.emulation.drill import recover_everything
from tools.emulation.stack import EmulatedStack, emulated_stack
from tools.emulation.steps import step

_ADDRESS = "127.0.0.50"
_IMAGE = "team/app:1"


def live_through_everything(emulated: EmulatedStack, folder: Path) -> None:
    """Run a stack through its whole life.

    Raises:
        CommandError: A step failed; the message says which command, and why.
        AssertionError: A check failed.
    """
    with step("up, from an API token to a registry"):
        emulated.stack.up(stream=True)
    outputs = emulated.stack.outputs()
    with step("push and pull from outside, over TLS"):
        client = Client.of_operator(outputs, folder)
        pushed = client.push(_IMAGE)
        stranger = Client(outputs["registry"], folder / "stranger")
        stranger.folder.mkdir()
        stranger.trust(outputs["registry_authority"])
        stranger.pull(_IMAGE)
        assert stranger.digest(_IMAGE) == pushed  # noqa: S101
    with step("up again, which changes nothing"):
        emulated.stack.up("--expect-no-changes", stream=True)
    with step("destroy, told twice"):
        emulated.release_protection()
        emulated.stack.destroy(stream=True)
    assert emulated.api.is_empty, "destroy left resources behind in the API"  # noqa: S101


_PROOFS: Mapping[str, tuple[Callable[[EmulatedStack, Path], None], str]] = {
    "e2e": (live_through_everything, "The production stack was created, used and destroyed: nothing was rented."),
    "drill": (recover_everything, "Server and laptop were lost, and everything is back: nothing was rented."),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the two; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.emulation", description=__doc__)
    parser.add_argument("proof", nargs="?", choices=list(_PROOFS), default="e2e")
    prove, proven = _PROOFS[parser.parse_args(arguments).proof]
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
    say(proven)
    return 0


if __name__ == "__main__":
    sys.exit(main())
