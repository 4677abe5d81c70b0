"""Checks of the services' containers: whether they run, whether they are well, and whether their limits are in force."""

from __future__ import annotations

from collections.abc import Mapping

import docker
from docker.errors import DockerException, ImageNotFound
from docker.models.containers import Container

from ops.config import ServiceLimits, container_name
from ops.core.docker_engine import connected
from ops.core.findings import FAILED, OK, WARNING, Check
from ops.stack.stack import Stack

_MIB = 2**20
_NANO = 1e9
# More often than that in one life of a container, and something is wrong with it.
_RESTARTS = 3


class Containers:
    """The containers of a stack, as the Docker engine shows them now."""

    def __init__(self, stack: Stack, engine: docker.DockerClient) -> None:
        """Look.

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
        """Return what is wrong with each service, or that nothing is."""
        wrong = [check for name, limits in self._wanted.items() if (check := self._service(name, limits))]
        return wrong or [Check("services", OK, f"all {len(self._wanted)} run, are well, and have their limits")]

    def versions(self) -> list[Check]:
        """Return whether the services run the images that the release names; nothing when it names none."""
        if not self._images:
            return []
        there = {name: self.by_service[name] for name in self._images if name in self.by_service}
        others = [
            f"{name} runs {container.attrs['Config']['Image']} instead of {self._images[name]}"
            for name, container in sorted(there.items())
            if not self._runs(container, self._images[name])
        ]
        if others:
            return [Check("versions", WARNING, "; ".join(others), "run `up`, which replaces what is not of this release")]
        return [Check("versions", OK, f"{len(there)} run the images of this release")]

    def _runs(self, container: Container, image: str) -> bool:
        try:
            return bool(container.attrs["Image"] == self._engine.images.get(image).id)
        except ImageNotFound:  # one that was removed under a container that still runs it
            return bool(container.attrs["Config"]["Image"] == image)

    def _service(self, name: str, limits: ServiceLimits) -> Check | None:
        found = self.by_service.get(name)
        if found is None:
            return Check(name, FAILED, "its container is missing", "run `up`")
        state, logs = found.attrs["State"], f"`docker logs {found.name}` says why"
        health, restarts = state.get("Health", {}).get("Status"), int(found.attrs["RestartCount"])
        steps: list[tuple[bool, str, str, str]] = [
            (not state["Running"], FAILED, f"it does not run: {state['Status']}, exit code {state['ExitCode']}", logs),
            (health == "unhealthy", FAILED, "it runs, and is not well", logs),
            (health == "starting", WARNING, "it is starting", "look again in a minute"),
            (not _has(found, limits), FAILED, f"its limits are {_in_force(found)}, and not {limits}", "run `up`"),
            (restarts > _RESTARTS, WARNING, f"it has been started again {restarts} times", logs),
        ]
        return next((Check(name, how, what, remedy) for wrong, how, what, remedy in steps if wrong), None)


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
        return [Check("services", FAILED, str(error), "is it on, and may this user reach it?")]
