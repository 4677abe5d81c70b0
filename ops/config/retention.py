"""Retention rules: which tags of a repository go, and in which order they are looked at."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from ops.config.access import REPOSITORY_NAME
from ops.config.base import Strict

# The task, and its account at the registry; and the secret file with the account's password.
RETENTION = "retention"
RETENTION_PASSWORD = f"{RETENTION}/password"

_SET = r"\[\^?-?(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9_.]|\\[dw.-])+-?\]"
_CHARACTER = rf"[A-Za-z0-9_.-]|\\[dw.-]|{_SET}"
_COUNT = r"\{[0-9]{1,2}(?:,[0-9]{0,2})?\}"
_ITEM = re.compile(rf"(?P<character>{_CHARACTER})(?P<repeat>[*+?]|{_COUNT})?")
# No groups: without them it is seen how tags are ordered.
_PLAIN = re.compile(rf"(?:(?:{_CHARACTER})(?:[*+?]|{_COUNT})?|(?<=[^|])\|(?=[^|]))+")
_KNOWN = r"letters, digits, _ - . \. \d \w [sets], each of which may be followed by * + ? {n} {n,m}"
# A pattern that stands for at least one digit, and for nothing else.
_DIGITS = re.compile(r"\\d|[0-9]|\[(?:[0-9]-[0-9]|[0-9]|\\d)+\]")
_EXACTLY = re.compile(r"\{([0-9]+)\}")
# What a shape has in the place of a number, and of several with dots between them: 1.10 and 1.10.2 are of one shape.
NUMBER = "#"
_NUMBERS = re.compile(rf"{NUMBER}(?:\.{NUMBER})+")
# https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
_LONGEST_TAG = 128


class RetentionOrder(StrEnum):
    """Which tags are the newest: those that were pushed last, or those of the highest version."""

    PUSHED = "pushed"
    VERSION = "version"


def _repository(name: str) -> str:
    if not re.fullmatch(REPOSITORY_NAME, name):
        raise ValueError(
            "should be a repository of this registry, without a tag, such as library/alpine or docker.io/library/alpine"
        )
    return name


def _plain(pattern: str) -> str:
    if not _PLAIN.fullmatch(pattern):
        raise ValueError(rf"should be a regular expression of {_KNOWN}, or several of them separated by |, without groups")
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is not a valid regular expression: {error}") from None
    return pattern


Repository = Annotated[str, AfterValidator(_repository)]
PlainTagPattern = Annotated[str, AfterValidator(_plain)]


class RetentionRule(Strict):
    r"""Which tags are deleted: of those that match `tags`, all but the `keep` newest.

    Signatures and attestations (`sha256-…`) are never deleted by a rule.

    Attributes:
        repository: Repository here that is not a target of the mirror.
        tags: Regular expression without groups that must match the whole tag: `ci-\d+`, or `v\d+\.\d+|pr-\d+-[0-9a-f]{7}`.
        keep: How many tags are kept.
        order: Which ones are the newest. By `version` only where every tag that matches has its numbers in the same places; they
            are compared by value: v1.10 is higher than v1.9.
    """

    repository: Repository
    tags: PlainTagPattern
    keep: Annotated[int, Field(ge=1, le=10_000)]
    order: RetentionOrder = RetentionOrder.PUSHED

    @model_validator(mode="after")
    def _has_an_order(self) -> RetentionRule:
        if self.order is RetentionOrder.VERSION:
            shapes = {shape_of_pattern(alternative) for alternative in self.tags.split("|")}
            if len(shapes) > 1:
                raise ValueError(
                    f"order: version, but {self.tags} matches versions of several kinds, and none of"
                    f" {' and '.join(sorted(shapes))} is higher than the other; give each a rule of its own, or use order: pushed"
                )
            if NUMBER not in "".join(shapes):
                raise ValueError(f"order: version, but {self.tags} has no number; use order: pushed")
        return self

    @property
    def name(self) -> str:
        """What it is called in plans and messages."""
        return f"{self.repository}: {self.tags}"


def shape_of_pattern(pattern: str) -> str:
    r"""Return what all tags of a pattern without | have in common: `v\d+\.\d+-rc\d+` gives `v#-rc#`.

    Raises:
        ValueError: Their numbers are not all in the same places: some tags may be hashes, or names.
    """
    parts: list[str] = []
    for item in _ITEM.finditer(pattern):
        character, repeat = item["character"].removeprefix("\\"), item["repeat"] or ""
        exactly = _EXACTLY.fullmatch(repeat)
        if _DIGITS.fullmatch(item["character"]):
            if repeat in {"*", "?"} or repeat.startswith("{0"):
                raise _undefined(item, pattern)
            parts.append(NUMBER)
        elif len(character) == 1 and item["character"] not in {".", r"\w"} and (not repeat or exactly):
            parts.append(character * int(exactly[1] if exactly else 1))
        elif item.group() == "v?" and not parts:
            continue
        else:
            raise _undefined(item, pattern)
    return shape_of_tag(re.sub(f"{NUMBER}+", "0", "".join(parts)))


def shape_of_tag(tag: str) -> str:
    """Return a tag with # in the place of its numbers, and without a v before the first."""
    shape = _NUMBERS.sub(NUMBER, re.sub("[0-9]+", NUMBER, tag))
    return shape[1:] if shape.startswith(f"v{NUMBER}") else shape


def version_of(tag: str) -> tuple[tuple[int, ...], ...]:
    """Return a tag's numbers, to be compared with those of tags of the same shape."""
    # No tag is longer than that, and Python does not read numbers of any length.
    shown = tag[:_LONGEST_TAG]
    return tuple(tuple(map(int, numbers.split("."))) for numbers in re.findall(r"[0-9]+(?:\.[0-9]+)*", shown))


def _undefined(item: re.Match[str], pattern: str) -> ValueError:
    return ValueError(
        f"order: version, but {item.group()} in {pattern} may be anything, so that commit hashes and other names match, which"
        " have no order; write the numbers as \\d+ and the rest as it is, or use order: pushed"
    )
