"""Checks of the services' containers: whether they are running and healthy, with the right limits and images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import docker
from docker.errors import DockerException, ImageNotFound
from docker.models.containers import Container

from ops.config import ServiceLimits, container_name
from ops.core.docker_engine import connected
from ops.core.findings import FAILED, OK, WARNING, Check
from ops.stack.stack import Stack
from ops.tasks.doctor.checks.past import past_fault, past_remedy

_MIB = 2**20
_NANO = 1e9


class Containers:
    """The containers of a stack, as Docker shows them now."""

    def __init__(self, stack: Stack, engine: docker.DockerClient) -> None:
        """List them.

        Raises:
            DockerException: The engine does not answer.
        """
        self._wanted = stack.config.services
        self._images = stack.config.images
        self._engine = engine
        prefix = container_name(stack.config.stack, "")
        found = engine.containers.list(all=True, ignore_removed=True, filters={"name": f"^/?{prefix}"})
        self.by_service: Mapping[str, Container] = {str(one.name).removeprefix(prefix): one for one in found}

    def checks(self) -> list[Check]:
        """Return what is wrong with each service, or one check that says all is well."""
        wrong = [check for name, limits in self._wanted.items() if (check := self._service(name, limits))]
        return wrong or [Check("services", OK, f"all {len(self._wanted)} are running and healthy, with the right limits")]

    def versions(self) -> list[Check]:
        """Check whether services run the images that the release names; return nothing if it names none."""
        if not self._images:
            return []
        there = {name: self.by_service[name] for name in self._images if name in self.by_service}
        others = [
            f"{name} runs {container.attrs['Config']['Image']} instead of {self._images[name]}"
            for name, container in sorted(there.items())
            if not self._runs(container, self._images[name])
        ]
        if others:
            return [Check("versions", WARNING, "; ".join(others), "run `up`; it replaces containers of other releases")]
        return [Check("versions", OK, f"{len(there)} run the images of this release")]

    def _runs(self, container: Container, image: str) -> bool:
        try:
            return bool(container.attrs["Image"] == self._engine.images.get(image).id)
        except ImageNotFound:  # removed, though a container still runs it
            return bool(container.attrs["Config"]["Image"] == image)

    def _service(self, name: str, limits: ServiceLimits) -> Check | None:
        found = self.by_service.get(name)
        if found is None:
            return Check(name, FAILED, "its container is missing", "run `up`")
        state, logs = found.attrs["State"], f"`docker logs {found.name}` says why"
        health, past = state.get("Health", {}).get("Status"), past_fault(found)
        afresh = f"{logs}; `docker restart {found.name}` starts it afresh"
        steps: list[tuple[bool, str, str, str]] = [
            (state["Status"] != "running", FAILED, _not_running(state), _running_again(found)),
            (health == "unhealthy", FAILED, "running, but unhealthy", afresh),
            (health == "starting", WARNING, "still starting", "check again in a minute"),
            (not _has(found, limits), FAILED, f"its limits are {_in_force(found)} instead of {limits}", "run `up`"),
            (bool(past), WARNING, past, past_remedy(found, name)),
        ]
        return next((Check(name, how, what, remedy) for wrong, how, what, remedy in steps if wrong), None)


def _not_running(state: Mapping[str, Any]) -> str:
    if state["Status"] in {"paused", "created"}:
        return f"not running: {state['Status']}"
    memory = ", out of memory" if state.get("OOMKilled") else ""
    return f"not running: {state['Status']}, exit code {state['ExitCode']}{memory}"


def _running_again(container: Container) -> str:
    """Return what makes a container run again."""
    logs = f"`docker logs {container.name}` says why it ended"
    match container.attrs["State"]["Status"]:
        case "paused":
            return f"`docker unpause {container.name}` lets it go on"
        case "created" | "exited":
            return f"`docker start {container.name}` starts it; {logs}"
        case "restarting":
            return f"{logs}; Docker starts it again by itself"
    return f"run `up`; {logs}"


def _in_force(container: Container) -> ServiceLimits:
    host = container.attrs["HostConfig"]
    return ServiceLimits.model_construct(cpus=host["NanoCpus"] / _NANO, memory_mib=host["Memory"] // _MIB)


def _has(container: Container, limits: ServiceLimits) -> bool:
    host = container.attrs["HostConfig"]
    return _in_force(container) == limits and host["MemorySwap"] == host["Memory"]


def service_checks(stack: Stack) -> list[Check]:
    """Return the checks of all services."""
    try:
        with connected() as engine:
            containers = Containers(stack, engine)
            return [*containers.checks(), *containers.versions()]
    except DockerException as error:
        return [Check("services", FAILED, str(error), "is Docker running, and may this user access it?")]
