"""What a look at a host has found: which files and containers are as they were installed, and which have to be made anew."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

_REVISION_BYTES = 6


@dataclass(frozen=True)
class Wanted:
    """What a stack should have in the Docker engine.

    Attributes:
        networks: The names of its networks.
        containers: The names of its containers, each with the networks that it joins.
    """

    networks: Sequence[str]
    containers: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Seen:
    """What is on a host. A revision stays while something is as it was installed; a new one has it made anew.

    Attributes:
        files: The revision of the installed files.
        networks: The revision of each wanted network, by name; empty for one that never had to be made anew.
        containers: The same of each wanted container.
        engine: Whether the Docker engine answered; else nothing is known of networks and containers.
        parts: Those of the release that is there, by name, each with its folder's; none if that is not known. They are not kept.
    """

    files: str
    networks: Mapping[str, str]
    containers: Mapping[str, str]
    engine: bool = True
    parts: Mapping[str, str] = field(default_factory=dict, compare=False)

    def network(self, name: str) -> str:
        """Return the revision of a network."""
        return self.networks.get(name, "")

    def container(self, name: str) -> str:
        """Return the revision of a container."""
        return self.containers.get(name, "")

    @property
    def text(self) -> str:
        """As it is kept, to be read by `recalled`."""
        return json.dumps({name: value for name, value in asdict(self).items() if name != "parts"}, sort_keys=True)

    @property
    def repairs(self) -> str:
        """Text that changes whenever something in the Docker engine is made anew; empty if nothing ever was."""
        return " ".join(sorted({*self.networks.values(), *self.containers.values()} - {""}))


def changed_parts(there: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Return the names of parts that a release changes, brings or leaves out; none if it is not known what is there.

    Args:
        there: The parts that are there, by name, each with its folder's.
        wanted: Those of the release.
    """
    return sorted(name for name in there.keys() | wanted.keys() if there and there.get(name) != wanted.get(name))


def recalled(text: str) -> Seen:
    """Return what was seen, from its text; if there is none, that nothing had ever to be made anew."""
    return Seen(**json.loads(text)) if text else Seen("", {}, {})


def judged(printed: str, wanted: Wanted, where: str, warn: Callable[[str], None]) -> Seen:
    """Judge what `ops.host.drift` has printed on a host.

    Args:
        printed: What it printed; empty where nothing is installed yet.
        wanted: What should be there.
        where: What to call the host.
        warn: Called for each thing that is not as it was installed, so that `up` puts it right.
    """
    if not printed.strip():
        anew = new_revision()
        return Seen(anew, dict.fromkeys(wanted.networks, anew), dict.fromkeys(wanted.containers, anew))
    found: Mapping[str, Any] = json.loads(printed)
    for path in found.get("changed", ()):
        warn(f"{path} has changed on {where} since it was installed; `up` restores it")
    files, parts = found.get("revision") or new_revision(), found.get("parts") or {}
    engine = found.get("engine")
    if engine is None:  # releases from before December 2026 do not look at it
        return Seen(files, {}, {}, engine="engine" not in found, parts=parts)
    networks = {name: engine["networks"].get(name) for name in wanted.networks}
    return Seen(
        files,
        {name: new_revision() if revision is None else revision for name, revision in networks.items()},
        _containers(engine, wanted, where, warn, missing="" if found["revision"] else new_revision()),
        parts=parts,
    )


def new_revision() -> str:
    """Return a revision that nothing has had before, or the engine would see no change."""
    return secrets.token_hex(_REVISION_BYTES)


def _containers(
    engine: Mapping[str, Any], wanted: Wanted, where: str, warn: Callable[[str], None], *, missing: str
) -> Mapping[str, str]:
    """Return the revision of each container; `missing` for those that were not to be there yet."""
    revisions = {}
    for name, networks in wanted.containers.items():
        there = engine["containers"].get(name)
        if there is None:
            revisions[name] = missing
            continue
        fault = there["fault"]
        # A network that is not there yet comes with another change of the settings.
        if not fault and ({*networks} & engine["networks"].keys()) - {*there["networks"]}:
            fault = "has left one of its networks"
        if fault:
            warn(f"{name} {fault} on {where}; `up` replaces it")
        revisions[name] = new_revision() if fault else there["revision"]
    return revisions
