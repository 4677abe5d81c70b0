"""Each kind of change, with for how long it may keep clients waiting, and the measurement of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.engine.interruptions import watched
from tests.engine.stacks import TestStack
from tests.free_ports import free_port


@dataclass(frozen=True)
class Change:
    """A kind of change.

    Attributes:
        what: What is changed.
        settings: The settings that do it, given those before.
        goal_s: For how many seconds at most nothing may work. Below one second nobody can tell it from a busy machine.
    """

    what: str
    settings: Callable[[dict[str, Any]], dict[str, Any]]
    goal_s: float = 1.0


@dataclass(frozen=True)
class Measured:
    """What a client met during a change: seconds without pulls and without pushes, and what was refused."""

    change: Change
    pull_s: float
    push_s: float
    errors: tuple[str, ...]


def _limits(_: dict[str, Any]) -> dict[str, Any]:
    return {
        "limits": {
            "registry": {"cpus": 1.25, "memory_mib": 1800},
            "gateway": {"cpus": 0.5, "memory_mib": 160},
            "edge": {"cpus": 0.75, "memory_mib": 256},
        }
    }


def _rotation(stage: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda _: {"rotation": {"token_signing_seed": {"generation": 2, "stage": stage}}}


def mirrored(name: str) -> dict[str, Any]:
    """Return a catalogue of one image, whose source nobody can reach."""
    return {"entries": [{"source": f"registry.invalid/library/{name}", "target": f"mirror/{name}", "tags": ["3\\.[0-9]+"]}]}


_CI = {"name": "ci", "access": [{"repositories": "team/**", "actions": ["pull", "push"]}]}
# What a stack needs for all of these changes, beside a lock with stand-ins.
SETTINGS = {"sync": mirrored("alpine"), "monitoring": {}}
CHANGES = (
    Change("an account", lambda _: {"accounts": [_CI]}),
    Change("the rules for anonymous clients", lambda _: {"anonymous": [{"repositories": "watched/**", "actions": ["pull"]}]}),
    Change("limits of registry and gateway, CPU cores of the edge", _limits),
    Change("a route of the edge", lambda now: {"registry": {**now["registry"], "max_upload_gb": 5}}),
    Change("the catalogue", lambda _: {"sync": mirrored("debian")}),
    Change("what is measured, and the dashboards", lambda _: {"monitoring": {"cadvisor": False}}),
    Change("the registry is replaced, since it learns another signing key", _rotation("announced"), 2.0),
    Change("the gateway is replaced, since it signs with that key", _rotation("used"), 2.0),
    Change(
        "the edge is replaced, since its TLS port moves", lambda now: {"edge": {**now["edge"], "https_port": free_port()}}, 2.0
    ),
)


def measured(stack: TestStack, outputs: dict[str, Any]) -> Iterator[Measured]:
    """Make all changes, one after the other, while a client pulls and pushes without a break.

    Args:
        stack: Is up.
        outputs: Its outputs.
    """
    for change in CHANGES:
        session = stack.open(change=change.settings(stack.settings))
        with watched(outputs) as watch:
            session.up(stream=False)
        errors = (*watch.errors("pull"), *watch.errors("push"))
        yield Measured(change, watch.gap("pull"), watch.gap("push"), errors)
