"""Settings of the mirror: where it writes or what regsync copies, which old tags go, and the scripts that regbot runs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator, model_validator

from infra.blocks.upstreams import UpstreamName
from ops.config import (
    CATALOGUE_FILE,
    REGISTRY_NAME,
    REPOSITORY_NAME,
    MirrorSettings,
    RepositoryPattern,
    RetentionRule,
    Strict,
    TagPattern,
    in_full,
)
from ops.config.sync import CosignSource, Parallel, Reserve, Variables, Window

_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}"
_SOURCE = re.compile(
    rf"(?:(?P<registry>{REGISTRY_NAME})/)?(?P<repository>{REPOSITORY_NAME})(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?"
)
_TARGET = re.compile(rf"(?P<repository>{REPOSITORY_NAME})(?::(?P<tag>{_TAG}))?")
# How regsync writes ranges of versions: https://github.com/regclient/regclient/blob/v0.11.6/internal/semver/semver.go
_COMPARISON = r"(?:>=|<=|>|<|=|\^|~)?v?[0-9]+(?:\.[0-9]+)*(?:-[0-9A-Za-z.-]+)?"
_RANGE = rf"^{_COMPARISON}(?: {_COMPARISON})*$"
_LOWEST_INTERVAL_MIN = 5
# What nothing reads unless there is a catalogue.
_WITH_CATALOGUE = ("catalogue", "reserve_gb", "hub_reserve", "window", "variables", "cosign")


def _source(source: str) -> str:
    """Return a source with its registry; Docker's short names are of Docker Hub."""
    parts = _SOURCE.fullmatch(source)
    if parts is None:
        raise ValueError(
            "should be a repository or image, such as docker.io/library/alpine, docker.io/library/alpine:3.22 or"
            " quay.io/org/app:1.2@sha256:…"
        )
    registry, repository = in_full(parts["registry"], parts["repository"])
    tag, digest = (mark + part if part else "" for mark, part in ((":", parts["tag"]), ("@", parts["digest"])))
    return f"{registry}/{repository}{tag}{digest}"


def _target(target: str) -> str:
    if not _TARGET.fullmatch(target):
        raise ValueError(
            "should be a repository of this registry, or an image with a tag, such as docker.io/library/alpine or"
            " base/alpine:stable"
        )
    return target


class SyncEntry(Strict):
    """One source to mirror. All platforms of an image are copied, because garbage collection may break an index with gaps.

    Attributes:
        source: Repository or image: `docker.io/library/alpine`, `…:3.22` for one tag, `…:3.22@sha256:…` for one that never
            changes. Without a registry it is of Docker Hub, as for Docker: `alpine` is `docker.io/library/alpine`.
        target: Repository here; the default is the source's path without its registry. The tags stay the same, unless the source
            is an image and the target has a tag: `base/alpine:stable`.
        tags: Regular expressions (RE2) of the tags to copy, which must match whole tags; none means all. Only for repositories.
        deny: Regular expressions of the tags among them to leave out.
        semver: Ranges of versions: only tags in one of them are copied: `>=3.19 <4`, `^1.2`. Tags that are no versions are not.
    """

    source: Annotated[str, AfterValidator(_source)]
    target: Annotated[str, AfterValidator(_target)] | None = None
    tags: tuple[TagPattern, ...] = ()
    deny: tuple[TagPattern, ...] = ()
    semver: tuple[Annotated[str, Field(pattern=_RANGE)], ...] = ()

    @model_validator(mode="after")
    def _of_one_kind(self) -> SyncEntry:
        if self.is_image:
            if self.tags or self.deny or self.semver:
                raise ValueError("source is a single image; tags, deny and semver only work for repositories")
            if not self.tag:
                raise ValueError(
                    f"source has a digest, which nobody would find it by; give it a tag here: target: {self.repository}:TAG"
                )
        elif self._target_parts["tag"]:
            raise ValueError("target has a tag, but source is a whole repository; drop the tag, or name the source's tag")
        return self

    @property
    def registry(self) -> str:
        """The source's registry."""
        return self._parts["registry"]

    @property
    def upstream(self) -> str:
        """The source's repository with its registry, without tag and digest."""
        return f"{self.registry}/{self._parts['repository']}"

    @property
    def is_image(self) -> bool:
        """Whether it is a single image."""
        return bool(self._parts["tag"] or self._parts["digest"])

    @property
    def tag(self) -> str | None:
        """The tag that a single image gets here; None for a repository."""
        return (self._target_parts["tag"] if self.is_image else None) or self._parts["tag"]

    @property
    def repository(self) -> str:
        """The repository that it is copied to."""
        return self._target_parts["repository"]

    def may_copy(self, tag: str) -> bool:
        """Whether a tag may be among those that are copied from a repository. Patterns that Python cannot read may mean any."""
        try:
            return not self.tags or any(re.fullmatch(pattern, tag) for pattern in self.tags)
        except re.error:
            return True

    @property
    def _parts(self) -> re.Match[str]:
        return _matched(_SOURCE, self.source)

    @property
    def _target_parts(self) -> re.Match[str]:
        return _matched(_TARGET, self.target or self._parts["repository"])


def _matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    parts = pattern.fullmatch(text)
    assert parts is not None  # noqa: S101  # validated above
    return parts


class ScriptSettings(Strict):
    """A Lua script that regbot runs each night: https://regclient.org/usage/regbot/.

    Attributes:
        name: It appears in the log.
        script: The script. The registry is `registry`, a variable that is set before it runs: `registry .. "/ci/app"`.
        repositories: What it may pull, push and delete, as for accounts: `ci/app`, `ci/**`.
    """

    name: Annotated[str, Field(min_length=1, max_length=100)]
    script: Annotated[str, Field(min_length=1)]
    repositories: Annotated[tuple[RepositoryPattern, ...], Field(min_length=1)]


class SyncSettings(Strict):
    """The mirror, and what becomes of old tags. regsync only runs if something is mirrored, regbot only if there are scripts.

    Attributes:
        enabled: Whether any of it happens.
        into: Where the mirror may write. What it copies is in the catalogue then.
        catalogue: The file, from the project's folder.
        reserve_gb: How much it leaves free on the disk, in GB.
        hub_reserve: How many pulls of Docker Hub it leaves for people.
        window: When runs of the schedule may copy, in UTC: `22:00-06:00`.
        parallel: How many images are copied at a time.
        variables: What templates in the catalogue's sources and targets are filled in with, by their names.
        upstream_ca: By registry that is mirrored from, a file with the certificates that vouch for it, besides the public ones.
        cosign: Where the host gets cosign, which verifies what entries of the catalogue want signed.
        interval: How often regsync looks for what is new in `entries`.
        entries: What is copied where there is no catalogue: the old way.
        retention: Which old tags go.
        scripts: Scripts for regbot.
    """

    enabled: bool = True
    into: tuple[RepositoryPattern, ...] = ()
    catalogue: Path = Path(CATALOGUE_FILE)
    reserve_gb: Reserve | None = None
    hub_reserve: Reserve | None = None
    window: Window | None = None
    parallel: Parallel | None = None
    variables: Variables = Field(default_factory=dict)
    upstream_ca: dict[UpstreamName, Path] = Field(default_factory=dict)
    cosign: CosignSource | None = None
    interval: Annotated[str, Field(pattern=r"^([0-9]{1,4}h)?([0-9]{1,5}m)?$")] = "12h"
    entries: tuple[SyncEntry, ...] = ()
    retention: tuple[RetentionRule, ...] = ()
    scripts: tuple[ScriptSettings, ...] = ()

    @field_validator("interval")
    @classmethod
    def _not_all_the_time(cls, interval: str) -> str:
        minutes = sum(int(number) * {"h": 60, "m": 1}[unit] for number, unit in re.findall(r"([0-9]+)([hm])", interval))
        if minutes < _LOWEST_INTERVAL_MIN:
            raise ValueError(f"should be at least {_LOWEST_INTERVAL_MIN}m")
        return interval

    @property
    def has_catalogue(self) -> bool:
        """Whether the catalogue says what is mirrored."""
        return self.enabled and bool(self.into)

    def mirror(self, registries: tuple[str, ...]) -> MirrorSettings:
        """Return what the host is told of a mirror that has a catalogue.

        Args:
            registries: What this registry is called in its targets.
        """
        given = {name: getattr(self, name) for name in ("reserve_gb", "hub_reserve", "window", "parallel", "cosign")}
        known = {name: value for name, value in given.items() if value is not None}
        return MirrorSettings(into=self.into, registries=registries, variables=self.variables, **known)

    @model_validator(mode="after")
    def _of_one_kind(self) -> SyncSettings:
        if self.into and self.entries:
            raise ValueError(
                "into and entries exclude each other: with into, the catalogue says what is mirrored; take the entries over with"
                " `bin/regops catalogue import`, and remove them here"
            )
        mine, others = (("interval",), "entries") if self.into else (_WITH_CATALOGUE, "into")
        if idle := [name for name in mine if name in self.model_fields_set]:
            raise ValueError(f"{', '.join(idle)} only works with {others}; remove it, or set {others}")
        return self

    @model_validator(mode="after")
    def _one_writer_each(self) -> SyncSettings:
        whole = Counter(entry.repository for entry in self.entries if not entry.tag)
        copied = {entry.repository: entry for entry in self.entries if not entry.tag}
        images = Counter((entry.repository, entry.tag) for entry in self.entries if entry.tag)
        problems = [f"several entries copy to {name}; give each its own target" for name, count in whole.items() if count > 1]
        for (name, tag), count in images.items():
            if count > 1:
                problems.append(f"several entries copy to {name}:{tag}; give each its own target")
            if name in whole and copied[name].may_copy(tag):
                problems.append(
                    f"one entry copies to {name}, another to {name}:{tag}; add the tag to the first, or change one target"
                )
        mirrored = {entry.repository for entry in self.entries}
        rules = Counter((rule.repository, rule.tags) for rule in self.retention)
        for (name, tags), count in rules.items():
            if count > 1:
                problems.append(f"several retention rules are for {tags} in {name}; keep one")
            if name in mirrored:
                problems.append(
                    f"retention: tags deleted from {name} would be mirrored again; narrow the tags of its entry instead"
                )
        if problems:
            raise ValueError("; ".join(problems))
        return self
