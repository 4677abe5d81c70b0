"""An entry of the catalogue as a typed model: all keys of regsync, and what is ours, in `x-regops`.

https://github.com/regclient/regclient/blob/v0.11.6/cmd/regsync/config.go
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ByteSize, ConfigDict, Field, PositiveInt, model_validator
from pydantic.alias_generators import to_camel

from ops.catalogue.nodes import Plain
from ops.config import Strict, TagPattern
from ops.core.time_expressions import duration

OURS = "x-regops"
_OTHERS_OWN = "x-"
_TRUTHS = frozenset({"true", "True", "TRUE", "false", "False", "FALSE"})
_COMPARISON = r"(?:>=|<=|>|<|=|\^|~)?v?[0-9]+(?:\.[0-9]+)*(?:-[0-9A-Za-z.-]*)?(?:\+[0-9A-Za-z.-]*)?"
_RANGE = re.compile(rf"\s*{_COMPARISON}(?:\s+{_COMPARISON})*\s*")


def _version_range(text: str) -> str:
    """As regsync reads it: https://github.com/regclient/regclient/blob/v0.11.6/internal/semver/semver.go."""
    if not _RANGE.fullmatch(text):
        raise ValueError("is no range of versions that regsync understands; write it as >=3.19 <4, ^1.2 or ~1.2.3")
    return text


def _truth(value: Any) -> Any:
    """As regsync reads it: any other text, also in quotes, stops it."""
    if isinstance(value, str) and not (isinstance(value, Plain) and value in _TRUTHS):
        raise ValueError("should be true or false, without quotes")
    return value


Truth = Annotated[bool, BeforeValidator(_truth)]
GoDuration = Annotated[str, Field(pattern=r"^[-+]?([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$|^0$")]
Age = Annotated[timedelta, BeforeValidator(duration)]
VersionRange = Annotated[str, AfterValidator(_version_range)]


class _Regsync(Strict):
    """A part of regsync's own, whose keys are written its way. What has no value is left out before: see `read`."""

    model_config = ConfigDict(alias_generator=to_camel)


class TagFilter(_Regsync):
    """Which tags are copied: those in one of the ranges of versions, that match `allow`, and do not match `deny`."""

    allow: tuple[TagPattern, ...] = ()
    deny: tuple[TagPattern, ...] = ()
    semver_range: tuple[VersionRange, ...] = ()


class RepositoryFilter(_Regsync):
    """Which repositories of a registry are copied."""

    allow: tuple[TagPattern, ...] = ()
    deny: tuple[TagPattern, ...] = ()


class ReferrerFilter(_Regsync):
    """Which referrers are copied: signatures, attestations and the like."""

    artifact_type: str = ""
    annotations: dict[str, str] = Field(default_factory=dict)


class RateLimit(_Regsync):
    """Below how many granted pulls copies wait, and for how long."""

    min: int = 0
    retry: GoDuration = "0"


class Hook(_Regsync):
    """A command that runs beside a copy."""

    type: str
    params: tuple[str, ...] = ()


class Hooks(_Regsync):
    """Commands before and after a copy, and where nothing changed."""

    pre: Hook | None = None
    post: Hook | None = None
    unchanged: Hook | None = None


class Verification(Strict):
    """Who must have signed an image, with cosign: https://docs.sigstore.dev/cosign/verifying/verify/.

    Attributes:
        key: The public key that belongs to theirs, as PEM.
        identity: Without a key, whom a certificate of sigstore's must name: a pattern (RE2), which must match all of it.
        issuer: Who has vouched for that: `https://token.actions.githubusercontent.com`.
        transparency_log: With a key, whether the signature must be in sigstore's public log, too.
    """

    key: Annotated[str, Field(pattern=r"\A-----BEGIN PUBLIC KEY-----\n[A-Za-z0-9+/=\n]+-----END PUBLIC KEY-----\n?\z")] | None = (
        None
    )
    identity: Annotated[str, Field(min_length=1)] | None = None
    issuer: Annotated[str, Field(pattern=r"\Ahttps://\S+\z")] | None = None
    transparency_log: bool = False

    @model_validator(mode="after")
    def _of_one_kind(self) -> Verification:
        if bool(self.key) == bool(self.identity) or bool(self.identity) != bool(self.issuer):
            raise ValueError("needs either a key, or an identity with its issuer")
        return self


class Policies(Strict):
    """What this registry does beyond regsync.

    Attributes:
        keep_last: How many of the matching tags are kept: the highest versions.
        min_age: How long a tag must have been seen upstream before it is copied: `3d`.
        hold: Whether a version tag that moved upstream stays here as it was, until somebody releases it.
        protect: Patterns of tags that are never deleted here.
        prune: Whether tags that left upstream are deleted here; they are kept otherwise.
        max_deletes: How many tags a run may delete here at most; more of them are a mistake.
        max_tags: How many tags may match; more of them are a mistake.
        max_bytes: How much it may take up here: `20GiB`.
        platform_only: Whether `platform` is meant: a copy of one platform has another digest than upstream.
        verify: Who must have signed what is copied; what cannot be verified is not.
        enabled: Whether it is mirrored at all.
    """

    keep_last: PositiveInt | None = None
    min_age: Age | None = None
    hold: bool = False
    protect: tuple[TagPattern, ...] = ()
    prune: bool = False
    max_deletes: PositiveInt = 10
    max_tags: PositiveInt | None = None
    max_bytes: Annotated[ByteSize, Field(gt=0)] | None = None
    platform_only: bool = False
    verify: Verification | None = None
    enabled: bool = True


class Entry(_Regsync):
    """One entry.

    Attributes:
        source: What is copied: a repository, an image or a registry, as Docker reads names.
        target: Where to, with its registry.
        type: Which of them it is.
        tags: Which tags of a repository.
        tag_sets: Further sets of tags.
        repos: Which repositories of a registry.
        policies: What is ours.
    """

    source: Annotated[str, Field(min_length=1)]
    target: Annotated[str, Field(min_length=1)]
    type: Literal["repository", "image", "registry"]
    tags: TagFilter = TagFilter()
    tag_sets: tuple[TagFilter, ...] = ()
    repos: RepositoryFilter = RepositoryFilter()
    digest_tags: Truth = False
    referrers: Truth = False
    referrer_filters: tuple[ReferrerFilter, ...] = ()
    referrer_source: str = ""
    referrer_target: str = ""
    referrer_slow: Truth = False
    platform: str = ""
    platforms: tuple[str, ...] = ()
    fast_check: Truth = False
    force_recursive: Truth = False
    include_external: Truth = False
    backup: str = ""
    interval: GoDuration = "0"
    schedule: str = ""
    ratelimit: RateLimit = RateLimit()
    media_types: tuple[str, ...] = ()
    hooks: Hooks = Hooks()
    policies: Policies = Field(default=Policies(), alias=OURS)

    @property
    def filters(self) -> tuple[TagFilter, ...]:
        """All its sets of tags; none means all tags. An empty one among further sets means all tags, too."""
        return (*self.tag_sets, self.tags) if self.tags != TagFilter() else self.tag_sets


def read(values: Mapping[str, Any]) -> Entry:
    """Return an entry from what a document says.

    Raises:
        ValidationError: It is none.
    """
    return Entry.model_validate(_given(values))


def _given(value: Any) -> Any:
    """Return a value without keys that have none, which for regsync are not there, and those that are others' own: `x-…`."""
    if isinstance(value, Mapping):
        return {
            key: _given(inner)
            for key, inner in value.items()
            if inner is not None and (key == OURS or not key.startswith(_OTHERS_OWN))
        }
    return [_given(inner) for inner in value] if isinstance(value, list) else value
