"""What is said when the engine fails for a reason that has a remedy."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from infra.settings import parse
from ops.core.process import CommandError, Completed
from tools.bootstrap.session import Session
from tools.bootstrap.stack import Stack


class MockStack:
    """A MOCK of a stack whose engine says nothing of interest afterwards."""

    name = "test"
    state = passphrase_file = Path("/nowhere")

    def pulumi(self, *_: object, **__: object) -> Completed:
        return Completed((), 0, "", "")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (
            "Error response from daemon: could not find an available, non-overlapping IPv4 address pool among the defaults",
            "docker network prune",
        ),
        ("write /x: no space left on device", "free some space"),
        ("something else", "Fix it, then run the same command again"),
    ],
)
def test_a_failure_comes_with_its_remedy(tmp_path: Path, text: str, remedy: str) -> None:
    session = Session(parse({}, stack="test"), tmp_path, cast(Stack, MockStack()), "unix:///nowhere")
    told = str(session._explained(CommandError(text)))
    assert remedy in told
    assert text in told
