"""The mirror as the host is told of it: where it may write, what it leaves for others, and how regsync reaches the registry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from ops.config.access import RepositoryPattern
from ops.config.base import Strict
from ops.core.layout import MIRROR_FOLDER

# Below the stack's folder: the configurations of single runs of regsync, and where its container reads them.
RUNS_FOLDER, RUNS_MOUNT = f"{MIRROR_FOLDER}/runs", "/etc/regsync/runs"
# The registry as containers of this host reach it. Writes go through the edge, which enforces read-only mode; the network has no
# way out.
MIRROR_TARGET = "edge.inner:8080"
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_WINDOW = re.compile(rf"({_TIME})-({_TIME})")


def _window(text: str) -> str:
    hours = _WINDOW.fullmatch(text)
    if hours is None:
        raise ValueError("should be two times of day in UTC, such as 22:00-06:00")
    if hours[1] == hours[2]:
        raise ValueError("should begin and end at different times; leave it out for the whole day")
    return text


Window = Annotated[str, AfterValidator(_window)]
Reserve = Annotated[int, Field(ge=0)]
Parallel = Annotated[int, Field(ge=1, le=16)]
Variables = Mapping[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], Annotated[str, Field(min_length=1)]]


class CosignSource(Strict):
    """Where the host gets the cosign that verifies what entries want signed.

    Attributes:
        url: The program for the host's processor, such as a release at GitHub.
        sha256: Its checksum, as the release lists it: nothing else is run, wherever it came from.
    """

    url: Annotated[str, Field(pattern=r"^https?://\S+$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class MirrorSettings(Strict):
    """What is mirrored by a catalogue.

    Attributes:
        into: Where the mirror may write in this registry.
        reserve_gb: How much it leaves free on the disk, in GB.
        hub_reserve: How many pulls of Docker Hub it leaves for people.
        window: When runs of the schedule may copy, in UTC: `22:00-06:00`; it may go past midnight. None for always.
        parallel: How many images are copied at a time from one upstream.
        target: The registry as regsync reaches it.
        registries: What this registry is called in targets of the catalogue, with the port if there is one.
        variables: What templates in the catalogue's sources and targets are filled in with.
        cosign: Where the host gets cosign; None for one that somebody has installed, if there is one.
    """

    into: Annotated[tuple[RepositoryPattern, ...], Field(min_length=1)]
    reserve_gb: Reserve = 20
    hub_reserve: Reserve = 20
    window: Window | None = None
    parallel: Parallel = 2
    target: str = MIRROR_TARGET
    registries: tuple[str, ...] = ()
    variables: Variables = Field(default_factory=dict)
    cosign: CosignSource | None = None
