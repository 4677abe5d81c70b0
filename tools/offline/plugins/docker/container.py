"""Containers: created, waited for, read, updated in place where the official plugin does, and removed."""

from __future__ import annotations

import time
from typing import Any

from tools.offline.plugins.check import check
from tools.offline.plugins.diff import diff
from tools.offline.plugins.docker.container_body import creation_body, state_of
from tools.offline.plugins.docker.container_table import SCHEMA
from tools.offline.plugins.docker.engine import DockerEngine, DockerError
from tools.offline.plugins.docker.image import find_image
from tools.offline.plugins.resource import Checked, Difference, Found, InitFailedError, PluginError, name_of
from tools.offline.plugins.state import inputs_after_read, plain, planned, preview_state
from tools.offline.plugins.values import Properties

# Only these reach Docker when a container is updated; other changes that do not replace it are planned and then not applied.
_APPLIED = ("restart", "maxRetryCount", "cpuShares", "memory", "memoryReservation", "cpuSet", "memorySwap")
_POLL_S = 0.25
_REMOVAL_LIMIT_S = 60.0
_LOG_LINES = 20


class Container:
    """`docker:index/container:Container`."""

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine

    def check(self, urn: str, inputs: Properties, olds: Properties, proposed_name: str) -> Checked:
        """See Resource."""
        return check(SCHEMA, name_of(urn), inputs, olds, proposed_name)

    def diff(self, state: Properties, _old_inputs: Properties, inputs: Properties) -> Difference:
        """See Resource."""
        return diff(SCHEMA, state, inputs, delete_first=True)

    def create(self, urn: str, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """See Resource."""
        if preview:
            return "", preview_state(SCHEMA, inputs)
        wanted = plain(inputs)
        try:
            find_image(self._engine, wanted["image"], "")
        except PluginError as error:
            raise PluginError(f"Unable to create container with image {wanted['image']}: {error}") from error
        body = creation_body(wanted)
        made = self._engine.do("Unable to create container", lambda api: api.create_container_from_config(body, wanted["name"]))
        identifier = made["Id"]
        state = planned(SCHEMA, {}, wanted)
        try:
            self._join_networks(identifier, wanted)
            self._start(identifier, wanted)
        except PluginError as error:
            # As with the official plugin the container stays, for its logs, and the next run replaces it.
            raise InitFailedError(f"creating {urn}: {error}", identifier, state | {"id": identifier}) from error
        return identifier, state_of(self._inspect(identifier), state)

    def read(self, identifier: str, state: Properties, inputs: Properties) -> Found | None:
        """See Resource."""
        container = self._engine.find("Unable to read container", lambda api: api.inspect_container(identifier))
        # Docker finds a container by its name too, the official plugin only by its full id.
        if container is None or container["Id"] != identifier:
            return None
        found = state_of(container, state)
        return Found(identifier, found, inputs_after_read(SCHEMA, inputs, found))

    def update(self, _urn: str, identifier: str, state: Properties, inputs: Properties, *, preview: bool) -> Properties:
        """See Resource."""
        result = planned(SCHEMA, state, inputs) | {"id": identifier}
        if preview:
            return result
        if result["mustRun"] and not state.get("mustRun") and result["start"]:
            self._engine.do("Unable to start container", lambda api: api.start(identifier))
        if any(_differs(state.get(name), result[name]) for name in _APPLIED):
            self._apply(identifier, result)
        return result

    def delete(self, _urn: str, identifier: str, state: Properties) -> None:
        """See Resource."""
        # Without grace the official plugin kills at once.
        grace = state.get("destroyGraceSeconds") or 0
        gone = f"Error deleting container {identifier}"
        self._engine.find(f"Error stopping container {identifier}", lambda api: api.stop(identifier, timeout=grace))
        volumes = bool(state.get("removeVolumes"))
        try:
            self._engine.find(gone, lambda api: api.remove_container(identifier, v=volumes, force=True))
        except DockerError as error:
            if "is already in progress" not in str(error):
                raise
        give_up = time.monotonic() + _REMOVAL_LIMIT_S
        while self._engine.find(gone, lambda api: api.inspect_container(identifier)):
            if time.monotonic() > give_up:
                raise PluginError(f"{gone}: Docker has been removing it for {_REMOVAL_LIMIT_S:g} s")
            time.sleep(_POLL_S)

    def _inspect(self, identifier: str) -> Properties:
        container: Any = self._engine.do("Unable to read container", lambda api: api.inspect_container(identifier))
        return dict(container)

    def _join_networks(self, identifier: str, wanted: Properties) -> None:
        networks = wanted.get("networksAdvanced") or []
        if not networks:
            return
        try:
            self._engine.do(
                "Unable to disconnect the default network",
                lambda api: api.disconnect_container_from_network(identifier, "bridge"),
            )
        except DockerError as error:
            if "is not connected to" not in str(error):
                raise
        for network in networks:
            self._join(identifier, network)

    def _join(self, identifier: str, network: Properties) -> None:
        self._engine.do(
            f"Unable to connect to network '{network['name']}'",
            lambda api: api.connect_container_to_network(
                identifier,
                network["name"],
                aliases=sorted(network.get("aliases") or []),
                ipv4_address=network.get("ipv4Address"),
                ipv6_address=network.get("ipv6Address"),
            ),
        )

    def _start(self, identifier: str, wanted: Properties) -> None:
        if not wanted["start"]:
            return
        self._engine.do("Unable to start container", lambda api: api.start(identifier))
        if wanted.get("wait"):
            self._wait_until_healthy(identifier, wanted)

    def _wait_until_healthy(self, identifier: str, wanted: Properties) -> None:
        give_up = time.monotonic() + wanted["waitTimeout"]
        while True:
            health = self._inspect(identifier)["State"].get("Health")
            if health is None:
                raise PluginError(
                    "you have supplied a 'wait' argument, but the container does not have a healthcheck defined. "
                    "Please remove the 'wait' argument or add a 'healthcheck' attribute"
                )
            if health["Status"] == "healthy":
                return
            if time.monotonic() > give_up or self._engine.cancelled:
                raise PluginError(self._why_unhealthy(identifier, wanted, health))
            time.sleep(_POLL_S)

    def _why_unhealthy(self, identifier: str, wanted: Properties, health: Properties) -> str:
        end = "the run was cancelled" if self._engine.cancelled else f"not healthy after {wanted['waitTimeout']} s"
        checks = health.get("Log") or []
        last = f"exit code {checks[-1]['ExitCode']}: {checks[-1]['Output'].strip()}" if checks else "none has ended yet"
        log = self._engine.do("Unable to read logs", lambda api: api.logs(identifier, tail=_LOG_LINES))
        return (
            f"container failed to be in healthy state: {wanted['name']} ({end})\n"
            f"last healthcheck: {last}\nend of its log:\n{log.decode(errors='replace').rstrip()}"
        )

    def _apply(self, identifier: str, wanted: Properties) -> None:
        body = creation_body({"image": "", **{name: wanted[name] for name in _APPLIED}})["HostConfig"]
        policy = {"Name": wanted["restart"], "MaximumRetryCount": wanted["maxRetryCount"] or 0}
        self._engine.do(
            "Unable to update a container",
            lambda api: api.update_container(
                identifier,
                cpu_shares=body.get("CpuShares"),
                cpuset_cpus=body.get("CpusetCpus"),
                mem_limit=body.get("Memory"),
                mem_reservation=body.get("MemoryReservation"),
                memswap_limit=body.get("MemorySwap"),
                restart_policy=policy,
            ),
        )


def _differs(old: Any, new: Any) -> bool:
    return (old or None) != (new or None)
