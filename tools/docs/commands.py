"""The page about commands: every verb of `regops` with its options and examples, from the program itself, and those of `make`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from typer.main import get_command

from infra.paths import PROJECT_FOLDER
from ops.cli.app import Verbs, app
from tools.docs.text import prose, table

_EXAMPLE = re.compile(r"`((?:[A-Z_]+=\S+ )?(?:bin/)?regops[^`]*)`")
# What Typer adds to a name that says enough.
_TYPE = re.compile(r" <(?:str|path|float|int)>$")
_TARGET = re.compile(r"^([a-z0-9-]+):.*?## (.+)$", re.MULTILINE)
_FENCE = "```"


def sections() -> str:
    """Return a section for each verb, in the order of the help, and one for `make`."""
    program = get_command(app)
    root: Any = program.make_context("regops", ["status"], resilient_parsing=True)
    verbs = ((name, verb.load(name)) for name, verb in Verbs.verbs.items())
    parts = ["", *(part for name, command in verbs for part in _command(name, command, root, level=2))]
    return "\n\n".join([*parts, "## Options of all", _options(program, root), _make()]) + "\n"


def _command(name: str, command: Any, parent: Any, *, level: int) -> Iterator[str]:
    """Yield what there is to say of a command, and of those below it. Their classes Typer keeps to itself."""
    context = type(parent)(command, info_name=name, parent=parent)
    yield f"{'#' * level} `{context.command_path}`"
    yield _prose(command.help or "")
    yield f"{_FENCE}text\n{command.get_usage(context).removeprefix('Usage: ')}\n{_FENCE}"
    if options := _options(command, context):
        yield options
    if examples := _EXAMPLE.findall(command.epilog or ""):
        yield "\n".join([f"{_FENCE}sh", *examples, _FENCE])
    elif command.epilog:
        yield _prose(command.epilog)
    below: Mapping[str, Any] = getattr(command, "commands", {})
    for verb, one in below.items():
        if not one.hidden:
            yield from _command(verb, one, context, level=level + 1)


def _options(command: Any, context: Any) -> str:
    told = [parameter.get_help_record(context) for parameter in command.get_params(context) if "--help" not in parameter.opts]
    rows = [(f"`{_TYPE.sub('', names)}`", prose(" ".join(said.split()))) for names, said in filter(None, told)]
    return table(["option", "meaning"], rows) if rows else ""


def _prose(text: str) -> str:
    return "\n\n".join(prose(paragraph) for paragraph in text.replace("\b\n", "").split("\n\n"))


def _make() -> str:
    targets = _TARGET.findall((PROJECT_FOLDER / "Makefile").read_text())
    rows = [(f"`{' '.join(('make', name))}`", prose(said.replace(r"\`", "`"))) for name, said in targets]
    return "\n\n".join(["## `make`", "In the checkout, on your own machine.", table(["command", "what it does"], rows)])
