"""The configuration of regsync as a typed model.

Keys and their meaning: https://github.com/regclient/regclient/blob/v0.11.6/cmd/regsync/config.go
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from infra.blocks.sync import SyncEntry, SyncSettings
from stack_components.durations import GoDuration
from stack_components.sync.hosts import Block, RegistryHost


class RateLimit(Block):
    """Copies from a source wait while it grants fewer pulls than `min`.

    One image may cost one pull for each platform and attestation. Docker Hub grants 100 pulls in six hours without an account.
    """

    min: int = 50
    retry: GoDuration = "15m"


class Defaults(Block):
    """Options of all entries. The cache saves pulls if several tags point to one image; `fast_check` skips unchanged images."""

    parallel: Annotated[int, Field(ge=1)]
    interval: GoDuration
    ratelimit: RateLimit = RateLimit()
    fast_check: bool = True
    cache_count: int = 500
    cache_time: GoDuration = "15m"
    skip_docker_config: bool = True


class Tags(Block):
    """Regular expressions of tags, to which regsync adds ^ and $, and ranges of versions. Without both, all tags match."""

    semver_range: list[str] | None = None
    allow: list[str] | None = None
    deny: list[str] | None = None


class Step(Block):
    """One source and its target."""

    source: str
    target: str
    type: Literal["repository", "image"]
    tags: Tags | None = None


class RegsyncConfig(Block):
    """The whole of regsync.yml."""

    version: Literal[1] = 1
    creds: list[RegistryHost]
    defaults: Defaults
    sync: list[Step]


class IdleConfig(Block):
    """A configuration of regsync that copies nothing: in server mode it waits until it is stopped."""

    version: Literal[1] = 1
    sync: list[Step] = Field(default_factory=list, max_length=0)


def regsync_config(settings: SyncSettings, *, target: RegistryHost, known: Sequence[RegistryHost]) -> RegsyncConfig:
    """Return what regsync does.

    Args:
        settings: The stack's settings of the mirror.
        target: The registry to copy to.
        known: Source registries with a login or certificates; the others are used anonymously, and with public certificates.
    """
    hosts = {host.registry: host for host in known}
    sources = sorted({entry.registry for entry in settings.entries})
    return RegsyncConfig(
        creds=[target, *(hosts.get(source, RegistryHost(registry=source)) for source in sources)],
        defaults=Defaults(parallel=settings.parallel or 1, interval=settings.interval),
        sync=[_step(entry, target.registry) for entry in settings.entries],
    )


def _step(entry: SyncEntry, target: str) -> Step:
    repository = f"{target}/{entry.repository}"
    if entry.tag:
        return Step(source=entry.source, target=f"{repository}:{entry.tag}", type="image")
    tags = Tags(semver_range=list(entry.semver) or None, allow=_whole(entry.tags), deny=_whole(entry.deny))
    return Step(source=entry.source, target=repository, type="repository", tags=tags if tags != Tags() else None)


def _whole(patterns: Sequence[str]) -> list[str] | None:
    """Return patterns in groups; otherwise ^ and $ would only apply to the first and last alternative."""
    return [f"(?:{pattern})" for pattern in patterns] or None
