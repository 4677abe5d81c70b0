"""The images lock: every image pinned by digest, and the versions that must never run, with the reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from infra.settings import SettingsError
from ops.config import OneWay, Strict, describe, numbers

_REFERENCE = re.compile(
    r"^(?P<repository>(?:[a-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9][a-z0-9./_-]*):(?P<tag>v?[0-9][\w.-]{0,127})(?P<digest>@sha256:[0-9a-f]{64})?\Z"
)
# A tag without a digest must name one release, since 3.1 and latest move. It is for local stacks only (`infra.plan`).
_RELEASE = re.compile(r"^v?\d+\.\d+\.\d+")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the other one took a twentieth of the program's time
_IMAGE_ID = re.compile(r"^sha256:[0-9a-f]{64}\Z")


class _Floor(Strict):
    version: str
    why: str


class _Bad(Strict):
    version: str
    advisory: str


class _Entry(Strict):
    image: str = ""
    unavailable: str = ""
    version: str | None = None
    minimum: _Floor | None = None
    bad: tuple[_Bad, ...] = ()
    one_way: OneWay | None = None

    @model_validator(mode="after")
    def _there_or_not(self) -> _Entry:
        if bool(self.image) == bool(self.unavailable):
            raise ValueError("give either image, or unavailable with the reason")
        return self


_Lock = TypeAdapter(dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")], _Entry])


@dataclass(frozen=True)
class Image:
    """A pinned image.

    Attributes:
        name: Its key in the lock.
        reference: `repository:tag@sha256:…`, `repository:tag`, or the id `sha256:…` of an image that exists on this engine only.
        version: The version that is checked against the floors.
        unavailable: Why this machine cannot get it; empty if it can.
        one_way: Which versions change its data for good; None if none does.
    """

    name: str
    reference: str
    version: str
    unavailable: str = ""
    one_way: OneWay | None = None

    @property
    def pullable(self) -> bool:
        """Whether a registry has it. An image made on this machine is known by its id only."""
        return not _IMAGE_ID.match(self.reference)

    @property
    def pinned(self) -> bool:
        """Whether the same reference always means the same content."""
        return "sha256:" in self.reference

    @property
    def tag(self) -> str:
        """The reference without its digest, as a registry is asked for it."""
        return self.reference.partition("@")[0]


def load_lock(path: Path, *, floors: Path | None = None) -> Mapping[str, Image]:
    """Read a lock and check every image against the version floors.

    Args:
        path: The lock.
        floors: Another lock whose floors apply too, so that they hold for images made offline or pinned in a stack's own lock.

    Raises:
        SettingsError: The lock cannot be read, or an image has no fixed version, is known to be bad, or is too old.
    """
    entries = _read(path)
    rules = _read(floors) if floors is not None else {}
    problems: list[str] = []
    images: dict[str, Image] = {}
    for name, entry in entries.items():
        where = f"{path.name}: {name}"
        if entry.unavailable:
            images[name] = Image(name, "", "", entry.unavailable)
            continue
        ours = _IMAGE_ID.match(entry.image)
        match = None if ours else _REFERENCE.match(entry.image)
        if not ours and not (match and (match["digest"] or _RELEASE.match(match["tag"]))):
            problems.append(f"{where}: {entry.image} is not a fixed version; write name:1.2.3 and run `make lock`")
            continue
        known = [rule for rule in (entry, rules.get(name)) if rule]
        one_way = next((rule.one_way for rule in known if rule.one_way), None)
        image = images[name] = Image(name, entry.image, entry.version or (match["tag"] if match else ""), one_way=one_way)
        faults = dict.fromkeys(fault for rule in reversed(known) for fault in _faults(image.version, rule))
        if faults:
            shown = image.tag if image.pullable else f"version {image.version or 'unknown'}"
            remedy = "; choose another version and run `make lock`" if image.pullable else ""
            problems.append(f"{where}: {shown} is {' and '.join(faults)}{remedy}")
    if problems:
        raise SettingsError(problems)
    return images


def _faults(version: str, rules: _Entry) -> list[str]:
    faults = [f"known to be bad ({bad.advisory})" for bad in rules.bad if numbers(bad.version) == numbers(version)]
    if rules.minimum and numbers(version) < numbers(rules.minimum.version):
        faults.append(f"older than {rules.minimum.version} ({rules.minimum.why})")
    return faults


def _read(path: Path) -> dict[str, _Entry]:
    try:
        return _Lock.validate_python(yaml.load(path.read_text(), Loader=_LOADER) or {})  # noqa: S506  # a safe one
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError([f"images_lock: cannot read {path}: {error}"]) from error
    except ValidationError as error:
        raise SettingsError([f"{path.name}: {fault}" for fault in describe(error)]) from error
