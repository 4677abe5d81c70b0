"""The upgrade that docs/upgrading.md describes, step by step, from the version before to this one and back."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.paths import PROJECT_FOLDER
from infra.settings import PROJECT
from ops import __version__
from ops.core.process import run
from tests.checkouts import BEFORE, clone_at, git, has_commit, release_in, with_packages
from tests.engine.stacks import TestStack, new_stack
from tools.emulation.client import Client

PAGE = PROJECT_FOLDER / "docs" / "upgrading.md"
IMAGE = "team/app:v1"
_LIMIT_S = 900


def steps(heading: str) -> list[str]:
    """Return the lines that a section of the page tells people to type."""
    section = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    (typed,) = re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return str(typed).splitlines()


@dataclass
class Operator:
    """Somebody with a checkout and a local stack.

    Attributes:
        stack: What the checkout has made.
        checkout: Its folder.
        outputs: Of the stack, as the version before told them.
        digest: Of an image that was pushed then.
    """

    stack: TestStack
    checkout: Path
    outputs: dict[str, Any] = field(default_factory=dict)
    digest: str = ""

    def types(self, line: str) -> str:
        """Run a line in the checkout, and return what it prints."""
        # `make test` tells the makes below it to say where they are.
        inherited = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
        environment = {**inherited, "PYTHON": sys.executable, "REGOPS_ROOT": str(self.stack.root)}
        return run(["sh", "-ec", line], timeout=_LIMIT_S, cwd=self.checkout, env=environment).stdout

    def follows(self, heading: str) -> dict[str, str]:
        """Do what a section of the page says; return what each step printed."""
        return {line: self.types(line) for line in steps(heading)}


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Somebody whose stack the version before has made, with an image that was pushed to it. This one is released since."""
    if not has_commit(BEFORE["commit"]):
        pytest.skip("this clone does not go back to the version before; `git fetch --unshallow` fetches it")
    folder = tmp_path_factory.mktemp("upgrade")
    released = folder / "released"
    clone_at(released, BEFORE["commit"])
    git(released, "tag", BEFORE["tag"])
    with new_stack(folder) as stack:
        checkout = stack.folder / "checkout"
        git(folder, "clone", "--quiet", released, checkout)
        release_in(released, f"v{__version__}")
        with_packages(checkout)
        del stack.settings["console"]  # which there was not
        settings = {f"{PROJECT}:{key}": value for key, value in stack.settings.items()}
        (checkout / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": settings}))
        operator = Operator(stack, checkout)
        operator.types("make up")
        operator.outputs = json.loads(operator.types("make outputs"))
        client = Client(operator.outputs["registry"], stack.folder)
        client.login(operator.outputs["registry_user"], operator.outputs["registry_pass"])
        operator.digest = client.push(IMAGE)
        yield operator


def is_served(operator: Operator) -> None:
    """Hold that what was pushed is there, and that the password is what it was."""
    client = Client(operator.outputs["registry"], operator.stack.folder)
    client.login(operator.outputs["registry_user"], operator.outputs["registry_pass"])
    client.pull(IMAGE)
    assert client.digest(IMAGE) == operator.digest
    assert client.push("team/app:later")


def test_the_steps_lead_from_the_version_before_to_this_one(operator: Operator) -> None:
    assert set(operator.stack.containers()) == {"cache", "edge", "gateway", "registry"}
    told = operator.follows("On your own machine")
    assert "console-container" in told["make preview"]
    assert told["bin/regops version"].startswith(f"regops {__version__}\nrelease ")
    assert f"of version {__version__}, since" in told["bin/regops version"]
    assert "ok       versions: 5 run the images of this release" in told["bin/regops doctor"]
    assert set(operator.stack.containers()) == {"cache", "console", "edge", "gateway", "registry"}
    is_served(operator)


def test_the_next_up_finds_nothing_left_to_do(operator: Operator) -> None:
    counted = operator.types("make up").partition("Resources:")[2].split()
    assert "unchanged" in counted
    assert not {"created", "updated", "replaced", "deleted"} & set(counted)


def test_the_way_back_is_open(operator: Operator) -> None:
    operator.follows("The way back")
    assert set(operator.stack.containers()) == {"cache", "edge", "gateway", "registry"}
    is_served(operator)
