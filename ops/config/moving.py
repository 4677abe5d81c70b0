"""Tags that move by design, such as `latest` and `1.4.0-SNAPSHOT`: shell patterns, as in `gc.keep`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import AfterValidator

_PATTERN = re.compile(r"(?:[A-Za-z0-9._/*?!\[\]-]+:)?[A-Za-z0-9._*?!\[\]-]+")
_WORDS = ("latest", "edge", "nightly", "snapshot", "dev", "devel", "develop", "main", "master", "canary", "unstable")
# What says in its name that it moves: alone, at the end of a version, or before the name of a variant (1.4.0-SNAPSHOT-alpine).
# And official images, under the usual names for their copies: a version is built again when what it is built on has changed.
MOVING = (
    *_WORDS,
    *(f"*-{word}" for word in _WORDS),
    *(f"*-{word}[-.]*" for word in _WORDS),
    "library/*:*",
    "mirror/*:*",
)


def _pattern(pattern: str) -> str:
    if not _PATTERN.fullmatch(pattern):
        raise ValueError("should be a shell pattern of tags, such as *-dev, or of repositories and tags, such as library/*:*")
    return pattern


# A pattern of tags or, with a colon, of `repository:tag`; `*` matches `/` too, and upper and lower case make no difference.
MovingPattern = Annotated[str, AfterValidator(_pattern)]


def moves_by_design(repository: str, tag: str, patterns: Iterable[str]) -> bool:
    """Whether a tag may move without a warning."""
    name = f"{repository}:{tag}".lower()
    return any(fnmatchcase(name if ":" in pattern else tag.lower(), pattern.lower()) for pattern in patterns)
