"""What somebody can say of an entry on the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.catalogue.wishes import Wishes

Target = Annotated[str | None, typer.Option("--target", metavar="REPOSITORY[:TAG]", help="The repository here.")]
Tags = Annotated[list[str] | None, typer.Option("--tags", metavar="RE", help="Tags to copy, an RE2 pattern; repeatable.")]
Deny = Annotated[list[str] | None, typer.Option("--deny", metavar="RE", help="Tags among them to leave out; repeatable.")]
Semver = Annotated[list[str] | None, typer.Option("--semver", metavar="RANGE", help="Range of versions; repeatable.")]
Keep = Annotated[int | None, typer.Option("--keep", min=0, help="Keep that many of the highest versions; 0 for all.")]
DigestTags = Annotated[
    str | None, typer.Option("--digest-tags", metavar="true|false", help="Whether to copy signatures that are tags; '' as usual.")
]
Referrers = Annotated[
    str | None, typer.Option("--referrers", metavar="true|false", help="Whether to copy the OCI's referrers; '' as usual.")
]


def wishes_of(
    tags: list[str] | None, deny: list[str] | None, semver: list[str] | None, target: str | None, keep: int | None
) -> Wishes:
    """Return what was said of names and tags."""
    tags_, deny_, semver_ = (None if given is None else tuple(given) for given in (tags, deny, semver))
    return Wishes(target, tags_, deny_, semver_, keep)
