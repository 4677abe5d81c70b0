"""Commands of Pulumi's own that pages name are commands of the CLI that we run, with those options."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER, cache_folder
from ops.core.process import run
from tools.offline.cli import ensure_cli

pytestmark = pytest.mark.system

# In backticks, or in a block of commands. One may follow another.
_NAMED = re.compile(r"`(pulumi [a-z][^`\n]*)`|(?:^ *|&& )(pulumi [a-z].*)$", re.MULTILINE)
_ENDS = re.compile(r"\s(?:\||&&|#|>)\s|,")
_VERB = re.compile(r"[a-z][a-z-]*")
_USAGE = re.compile(r"^Usage:\n  pulumi((?: [a-z][a-z-]*)*)", re.MULTILINE)
_ALIASES = re.compile(r"^Aliases:\n  (.+)$", re.MULTILINE)


def named() -> Mapping[str, Sequence[str]]:
    """Return the pages that name a command, by the command."""
    found: dict[str, list[str]] = {}
    for path in [*PROJECT_FOLDER.glob("*.md"), *(PROJECT_FOLDER / "docs").rglob("*.md")]:
        for match in _NAMED.finditer(path.read_text()):
            command = _ENDS.split(match[1] or match[2])[0].strip()
            found.setdefault(command, []).append(path.relative_to(PROJECT_FOLDER).as_posix())
    return found


@cache
def told(*verb: str) -> str:
    """What the CLI says of a verb."""
    program = ensure_cli(cache_folder("offline")) / "pulumi"
    environment = {"HOME": str(Path.home()), "PATH": "/usr/bin:/bin", "PULUMI_SKIP_UPDATE_CHECK": "true", "NO_COLOR": "1"}
    return run([program, *verb, "--help"], timeout=60, env=environment).stdout


def wrong(command: str) -> str:
    """Return what is wrong with a command; empty for nothing."""
    words = shlex.split(command)[1:]
    verbs = list(itertools.takewhile(_VERB.fullmatch, words))
    text = told(*verbs)  # of the verb that it has found, whatever follows
    usage = _USAGE.search(text)
    assert usage, text
    path = usage[1].split()
    aliases = _ALIASES.search(text)
    known = {*path[-1:], *(aliases[1].split(", ") if aliases else ())}
    if not path or verbs[len(path) - 1] not in known or ("Available Commands" in text and len(verbs) > len(path)):
        return f"pulumi has no {' '.join(verbs)}; "
    options = [word.partition("=")[0] for word in words if word.startswith("-")]
    return "".join(f"`pulumi {' '.join(path)}` has no {one}; " for one in options if not re.search(rf"{one}\b", text))


@pytest.mark.parametrize("command", sorted(named()))
def test_a_command_of_pulumi_exists(command: str) -> None:
    assert not wrong(command), f"{wrong(command)} (in {', '.join(named()[command])})"


@pytest.mark.parametrize("command", ["pulumi upp", "pulumi stack inti prod", "pulumi up --targets x", "pulumi config sets x"])
def test_a_command_that_does_not_exist_is_seen(command: str) -> None:
    assert wrong(command)


def test_commands_are_found() -> None:
    assert len(named()) > 12
