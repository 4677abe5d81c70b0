"""A group of verbs that are imported when they are called: help and completion of the names import none of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


@dataclass(frozen=True)
class Verb:
    """A verb, before it is imported.

    Attributes:
        app: Its Typer app, as `module:name`. That has no completion of its own, which is the whole program's.
        help: What it does, in a line.
    """

    app: str
    help: str

    def load(self, name: str) -> Any:
        """Import it, and return its command, of the classes that Typer keeps to itself."""
        module, _, attribute = self.app.partition(":")
        app: typer.Typer = getattr(import_module(module), attribute)
        command = get_command(app)
        command.name = name
        return command


class LazyGroup(TyperGroup):
    """A program whose verbs are in a table.

    Help, completion and suggestions ask each command for its name and its line: stand-ins answer. Only the verb that somebody has
    typed is imported.
    """

    verbs: ClassVar[Mapping[str, Verb]] = {}

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, verb in self.verbs.items():
            self.add_command(TyperCommand(name, help=verb.help, rich_markup_mode=None))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the verb that was typed, and the words after it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, self.verbs[name].load(name) if name and name in self.verbs else command, rest
