"""What `regops catalogue add` asks at a terminal: what to mirror, which of its tags, and how many of them to keep."""

from __future__ import annotations

import sys

import typer

from ops.catalogue.document import Document
from ops.catalogue.errors import CatalogueError
from ops.catalogue.names import Name, name_of
from ops.catalogue.upstream_templates import Template, template_of
from ops.catalogue.wishes import Wishes, own_name

# What every tag matches, for those who do not want what is proposed.
_EVERY = ".*"


def asked(document: Document, wishes: Wishes, registries: list[str], template: Template | None) -> tuple[str, Wishes, list[str]]:
    """Ask for what is missing to add an entry. Tags are proposed where the registry has a template.

    Args:
        document: The catalogue.
        wishes: What was said already.
        registries: What this registry is called, if that was said.
        template: The template that was named, if one was.

    Returns:
        The source, what else is wanted, and what this registry is called.

    Raises:
        BadParameter: There is nobody to ask.
        CatalogueError: The source is none.
    """
    if not at_terminal():
        raise typer.BadParameter("say what to mirror, such as docker.io/library/alpine", param_hint="SOURCE")
    example = template.example if template else "alpine or quay.io/org/app"
    source = str(typer.prompt(f"What to mirror{f' from {template.registry}' if template else ''}, such as {example}", err=True))
    source = template.source(source) if template else source
    if own_name(document, registries) is None:
        registries = [str(typer.prompt("What this registry is called", err=True))]
    name = _name(source)
    if wishes == Wishes() and not name.is_image:
        wishes = _wishes(template or template_of(name.registry))
    return source, wishes, registries


def _wishes(template: Template | None) -> Wishes:
    usual = "|".join(template.tags) if template else ""
    ending = f"; {_EVERY} for all" if usual else "; empty for all"
    pattern = typer.prompt(f"Which tags, as a pattern{ending}", default=usual, show_default=bool(usual), err=True)
    usual_count = template.keep if template else 0
    keep = typer.prompt("How many of the highest versions to keep; 0 for all", default=usual_count, type=int, err=True)
    return Wishes(tags=(pattern,) if pattern not in ("", _EVERY) else None, keep=keep or None)


def at_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty()


def _name(source: str) -> Name:
    try:
        return name_of(source)
    except ValueError as error:
        raise CatalogueError(f"source {error}") from None
