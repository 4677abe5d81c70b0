"""Settings of the mirror: what regsync copies, and what regbot deletes."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator, model_validator

from infra.blocks.tag_patterns import TAG, PlainTagPattern, TagPattern
from ops.config import REPOSITORY_NAME, Strict

_HOST = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z0-9](?::[0-9]{1,5})?|[a-z0-9-]*[a-z0-9]:[0-9]{1,5}|localhost"
_SOURCE = re.compile(rf"(?P<registry>{_HOST})/(?P<repository>{REPOSITORY_NAME})(?::(?P<tag>{TAG}))?")
_LOWEST_INTERVAL_MIN = 5


def _source(source: str) -> str:
    if "@" in source:
        raise ValueError("has a digest, which nobody would find it by; give a tag instead")
    if not _SOURCE.fullmatch(source):
        raise ValueError(
            "should be a repository or image with its registry, such as docker.io/library/alpine or docker.io/library/alpine:3.22"
        )
    return source


def _repository(name: str) -> str:
    if not re.fullmatch(REPOSITORY_NAME, name):
        raise ValueError("should be a repository of this registry, without a registry or tag, such as library/alpine")
    if "." in name.partition("/")[0]:
        raise ValueError("starts with a registry; it should be a repository of this one, such as library/alpine")
    return name


Repository = Annotated[str, AfterValidator(_repository)]


class SyncEntry(Strict):
    """One source to mirror. All platforms of an image are copied, because garbage collection may break an index with gaps.

    Attributes:
        source: Repository or image, with its registry: `docker.io/library/alpine`, or `…:3.22` for one tag.
        target: Repository here; the default is the source's path without its registry. The tags stay the same.
        tags: Regular expressions (RE2) of the tags to copy, which must match whole tags; none means all. Only for repositories.
        deny: Regular expressions of the tags among them to leave out.
    """

    source: Annotated[str, AfterValidator(_source)]
    target: Repository | None = None
    tags: tuple[TagPattern, ...] = ()
    deny: tuple[TagPattern, ...] = ()

    @model_validator(mode="after")
    def _patterns_for_repositories(self) -> SyncEntry:
        if self.tag and (self.tags or self.deny):
            raise ValueError("source is a single image; tags and deny only work for repositories")
        return self

    @property
    def registry(self) -> str:
        """The source's registry."""
        return self._parts["registry"]

    @property
    def tag(self) -> str | None:
        """The tag, if the source is a single image."""
        return self._parts["tag"]

    @property
    def repository(self) -> str:
        """The repository that it is copied to."""
        return self.target or str(self._parts["repository"])

    @property
    def _parts(self) -> re.Match[str]:
        parts = _SOURCE.fullmatch(self.source)
        assert parts is not None  # noqa: S101  # validated above
        return parts


class RetentionRule(Strict):
    r"""Which tags regbot deletes: of the tags that match `tags`, all but the `keep` highest.

    Numbers are compared by value: v1.10 is higher than v1.9. A longer name is higher than its own beginning: 1.2-rc1 than 1.2.
    Signatures and attestations (`sha256-…`) are never deleted.

    Attributes:
        repository: Repository here that is not a target of the mirror.
        tags: Regular expression without groups that must match the whole tag: `ci-\d+`, or `v\d+\.\d+|pr-\d+-[0-9a-f]{7}`.
        keep: How many tags are kept.
    """

    repository: Repository
    tags: PlainTagPattern
    keep: Annotated[int, Field(ge=1, le=10_000)]


class SyncSettings(Strict):
    """The mirror. regsync only runs if there are entries, regbot only if there are retention rules."""

    enabled: bool = True
    interval: Annotated[str, Field(pattern=r"^([0-9]{1,4}h)?([0-9]{1,5}m)?$")] = "12h"
    parallel: Annotated[int, Field(ge=1, le=16)] = 1
    entries: tuple[SyncEntry, ...] = ()
    retention: tuple[RetentionRule, ...] = ()

    @field_validator("interval")
    @classmethod
    def _not_all_the_time(cls, interval: str) -> str:
        minutes = sum(int(number) * {"h": 60, "m": 1}[unit] for number, unit in re.findall(r"([0-9]+)([hm])", interval))
        if minutes < _LOWEST_INTERVAL_MIN:
            raise ValueError(f"should be at least {_LOWEST_INTERVAL_MIN}m")
        return interval

    @model_validator(mode="after")
    def _one_writer_each(self) -> SyncSettings:
        whole = Counter(entry.repository for entry in self.entries if not entry.tag)
        images = Counter((entry.repository, entry.tag) for entry in self.entries if entry.tag)
        problems = [f"several entries copy to {name}; give each its own target" for name, count in whole.items() if count > 1]
        for (name, tag), count in images.items():
            if count > 1:
                problems.append(f"several entries copy to {name}:{tag}; give each its own target")
            if name in whole:
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
