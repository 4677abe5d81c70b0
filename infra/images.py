"""The images lock: every image pinned by digest, with the versions that must never run and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from infra.settings import SettingsError
from ops.config import Strict, describe

_REFERENCE = re.compile(r"^(?P<repository>[a-z0-9][a-z0-9./_-]*):(?P<tag>[\w][\w.-]{0,127})@(?P<digest>sha256:[0-9a-f]{64})\Z")
_IMAGE_ID = re.compile(r"^sha256:[0-9a-f]{64}\Z")


class _Floor(Strict):
    version: str
    why: str


class _Bad(Strict):
    version: str
    advisory: str


class _Entry(Strict):
    image: str
    version: str | None = None
    minimum: _Floor | None = None
    bad: tuple[_Bad, ...] = ()


_Lock = TypeAdapter(dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")], _Entry])


@dataclass(frozen=True)
class Image:
    """A pinned image.

    Attributes:
        name: Its key in the lock.
        reference: `repository:tag@sha256:…`, or the id `sha256:…` of an image that only this engine has.
        version: What the version floors are compared with.
    """

    name: str
    reference: str
    version: str

    @property
    def pullable(self) -> bool:
        """Whether a registry has it; an image made on this machine is known by its id alone."""
        return not _IMAGE_ID.match(self.reference)


def load_lock(path: Path, *, floors: Path | None = None) -> Mapping[str, Image]:
    """Read a lock and hold every image against the version floors.

    Args:
        path: The lock.
        floors: A lock whose floors count too: images made offline, and those of a stack's own lock, obey the same ones.

    Raises:
        SettingsError: The lock cannot be read, an image is not pinned by digest, is known to be bad, or is too old.
    """
    entries = _read(path)
    rules = _read(floors) if floors is not None else {}
    problems: list[str] = []
    images: dict[str, Image] = {}
    for name, entry in entries.items():
        where = f"{path.name}: {name}"
        match = _REFERENCE.match(entry.image)
        if match is None and not _IMAGE_ID.match(entry.image):
            problems.append(f"{where}: {entry.image} is not pinned; write repository:tag@sha256:<64 hex digits>")
            continue
        version = entry.version or (match["tag"] if match else "")
        images[name] = Image(name, entry.image, version)
        faults = dict.fromkeys(fault for rule in (rules.get(name), entry) if rule for fault in _faults(version, rule))
        problems += [f"{where}: {fault}" for fault in faults]
    if problems:
        raise SettingsError(problems)
    return images


def _faults(version: str, rules: _Entry) -> list[str]:
    faults = [
        f"version {version} is known to be bad ({bad.advisory})"
        for bad in rules.bad
        if _numbers(bad.version) == _numbers(version)
    ]
    if rules.minimum and _numbers(version) < _numbers(rules.minimum.version):
        faults.append(f"version {version or 'unknown'} is older than {rules.minimum.version} ({rules.minimum.why})")
    return faults


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading dotted numbers of a tag, zeros at the end left out: v3.1.2-alpine gives (3, 1, 2), 3.0 gives (3,)."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", version)
    numbers = [int(number) for number in match[1].split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _read(path: Path) -> dict[str, _Entry]:
    try:
        return _Lock.validate_python(yaml.safe_load(path.read_text()) or {})
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError([f"images_lock: cannot read {path}: {error}"]) from error
    except ValidationError as error:
        raise SettingsError([f"{path.name}: {fault}" for fault in describe(error)]) from error
