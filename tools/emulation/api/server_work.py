"""What actions do to a server's machine; meanwhile the server is locked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from tools.emulation.api.errors import ApiError, locked
from tools.emulation.api.model import Action, Server, Volume
from tools.emulation.api.primary_ips import of_server
from tools.emulation.api.state import State
from tools.emulation.machines import ServerSpec, VolumeSpec

KIND = "server"


def unlocked(state: State, server_id: int) -> Server:
    """Return a server that no action is working on.

    Raises:
        ApiError: There is none, or an action is running.
    """
    server = state.servers.get(server_id)
    if server.locked:
        raise locked(KIND, server.id)
    return server


def spec_of(state: State, server: Server) -> ServerSpec:
    """Return the machine of a server.

    Raises:
        ApiError: It has no IPv4 address, so nothing could reach the emulated machine.
    """
    address = of_server(state, server, "ipv4")
    if address is None:
        raise ApiError("unsupported_error", "the emulation has servers with an IPv4 address only")
    keys, volumes = tuple(server.authorized_keys), volumes_of(state, server)
    return ServerSpec(server.id, server.name, address.ip, server.user_data, keys, volumes)


def volumes_of(state: State, server: Server) -> Sequence[VolumeSpec]:
    """Return the volumes that a server's machine should have."""
    return tuple(VolumeSpec(item.id, item.size_gb, item.format) for item in state.volumes if item.server == server.id)


def serve_volumes(state: State, server: Server, command: str, volume: Volume) -> Action:
    """Return the action that gives a machine its server's current volumes, one of which has changed."""
    volumes = volumes_of(state, server)
    resources = [("volume", volume.id), (KIND, server.id)]

    def then(done: bool) -> None:
        if not done and command == "attach_volume":
            volume.server = None

    return state.begin(command, resources, lane_of(state, server), lambda: state.machines.serve_volumes(server.id, volumes), then)


def lane_of(state: State, server: Server) -> str:
    """Return the lane of a server: that of its address, which the next server can have only once this one is gone."""
    address = of_server(state, server, "ipv4")
    return f"server {address.ip if address else server.id}"


def work_on(
    state: State,
    server: Server,
    command: str,
    work: Callable[[], None],
    *,
    through: Literal["initializing", "starting", "stopping", "rebuilding", "migrating"],
    to: Literal["running", "off"],
) -> Action:
    """Return the action that changes the state of a machine.

    Args:
        state: Holds the server.
        server: The server.
        command: The name of the action.
        work: Does the work.
        through: The server's status meanwhile.
        to: Its status afterwards; off if the work fails.
    """
    server.locked, server.status = True, through

    def then(done: bool) -> None:
        server.locked, server.status = False, to if done else "off"

    return state.begin(command, [(KIND, server.id)], lane_of(state, server), work, then)


def boot(state: State, server: Server, command: str, *, through: Literal["initializing", "starting", "migrating"]) -> Action:
    """Return the action that boots a server.

    Raises:
        ApiError: It has no IPv4 address.
    """
    spec = spec_of(state, server)
    return work_on(state, server, command, lambda: state.machines.boot(spec), through=through, to="running")
