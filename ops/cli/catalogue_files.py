"""Which catalogue a verb works on: that of a checkout, of this host, or a file of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from ops.catalogue.difference import difference
from ops.catalogue.document import Document
from ops.catalogue.errors import CatalogueError
from ops.catalogue.model import Surroundings
from ops.catalogue.shipped import is_ahead, working_copy
from ops.catalogue.store import Store
from ops.cli.say import say
from ops.config import ConfigError, MirrorSettings
from ops.core.layout import CATALOGUE_FILE
from ops.stack.stack import Stack
from ops.upstream.cosign_program import can_verify

# `bin/regops` says where its checkout is.
_CHECKOUT_VARIABLE = "REGOPS_CHECKOUT"
DEFAULT = Path(CATALOGUE_FILE)
_OPTION = typer.Option("--file", metavar="PATH", help="The catalogue.", show_default="that of the checkout, or of this host")
File = Annotated[Path, _OPTION]
FileOrNone = Annotated[Path | None, _OPTION]
Registry = Annotated[
    list[str] | None, typer.Option("--registry", metavar="HOST", help="What this registry is called in targets; repeatable.")
]
Into = Annotated[
    list[str] | None, typer.Option("--into", metavar="PATTERN", help="Where targets may be, such as mirror/**; repeatable.")
]
Offline = Annotated[bool, typer.Option("--offline", help="Ask no upstream registry what it has.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would change, as a diff.")]


@dataclass(frozen=True)
class Opened:
    """A catalogue that was read, and is perhaps written again."""

    store: Store
    content: bytes | None
    document: Document

    @classmethod
    def of(cls, file: Path, *, new: bool = False) -> Opened:
        """Read a file.

        Args:
            file: Its path.
            new: Whether it may be missing.

        Raises:
            CatalogueError: It is missing, or cannot be read.
        """
        store = Store(file)
        content = store.read()
        if content is None and not new:
            raise CatalogueError(
                f"{file} is missing; name another with --file, or make it: `regops catalogue add`, `regops catalogue import FILE`"
            )
        return cls(store, content, Document.of(content or b"", file))

    def save(self, new: Document, *, dry_run: bool) -> bool:
        """Write it, or show what would be written; return whether it was."""
        if dry_run:
            show_difference(self.document.text, new.text, new.name)
        elif new.text != self.document.text:
            self.store.write(self.content, new.text.encode())
            return True
        return False


def show_difference(before: str, after: str, name: str) -> None:
    """Print a diff; nothing if there is none."""
    for line in difference(before, after, name):
        typer.echo(line)


def mirror_of(root: object) -> MirrorSettings | None:
    """Return the settings of the mirror of a stack on this host; None if it has none that has a catalogue."""
    try:
        return Stack(root).config.sync if isinstance(root, Path) else None
    except ConfigError:
        return None


def file_of_checkout() -> Path | None:
    """Return the catalogue of the checkout that `bin/regops` was started in; None on a host."""
    folder = os.environ.get(_CHECKOUT_VARIABLE)
    if not folder:
        return None
    return DEFAULT if Path(folder).resolve() == Path.cwd() else Path(folder, CATALOGUE_FILE)


def is_of_host(file: Path, root: object) -> bool:
    """Whether a file is what a stack on this host mirrors by."""
    return isinstance(root, Path) and file.resolve() == working_copy(root).resolve()


def default_file(root: object) -> Path:
    """Return the catalogue that is meant if none is named.

    Args:
        root: The stack's folder on this host; None if nobody has said it.
    """
    if checkout := file_of_checkout():
        return checkout
    return working_copy(root) if isinstance(root, Path) and mirror_of(root) else DEFAULT


def tell_ahead(file: Path, root: object) -> None:
    """Say so if a host's catalogue has edits that the repository does not have."""
    if isinstance(root, Path) and is_of_host(file, root) and is_ahead(root):
        say("this host's catalogue is ahead of the repository; `bin/regops catalogue pull` in a checkout takes its edits over")


def around(file: Path, root: object, registries: list[str] | None, into: list[str] | None = None) -> Surroundings:
    """Return what entries are checked against.

    Args:
        file: The catalogue: what templates of a host's are filled in with is in the stack's settings.
        root: The stack's folder on this host; None without one.
        registries: What this registry is called in targets.
        into: Where targets may be.

    Raises:
        BadParameter: A pattern is none.
    """
    mirror = mirror_of(root) if is_of_host(file, root) else None
    try:
        found = Surroundings.of(registries or (), into or (), mirror.variables if mirror else os.environ)
        return replace(found, of_host=mirror is not None, verifies=mirror is None or can_verify(mirror.cosign))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--into") from None
