"""Pretend machines, for tests of the API alone."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from tools.emulation.machines import BoxAccount, ServerSpec, VolumeSpec

_WAIT_LIMIT_S = 30


class NoMachines:
    """A STAND-IN for machines, which does nothing but remember.

    Attributes:
        calls: What was asked for, in order.
        specs: Servers that are on.
        volumes: Those of servers whose volumes have changed.
        accounts: Those of each box.
        free: While it is not set, everything waits.
        failure: What everything fails with, when there is something.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.specs: dict[int, ServerSpec] = {}
        self.volumes: dict[int, list[VolumeSpec]] = {}
        self.hosts: dict[int, str] = {}
        self.accounts: dict[int, list[BoxAccount]] = {}
        self.free = threading.Event()
        self.free.set()
        self.failure: Exception | None = None

    def boot(self, server: ServerSpec) -> None:
        self._do("boot", server.id)
        self.specs[server.id] = server

    def power_off(self, server_id: int) -> None:
        self._do("power_off", server_id)
        self.specs.pop(server_id, None)

    def delete_server(self, server_id: int) -> None:
        self._do("delete_server", server_id)
        self.specs.pop(server_id, None)

    def serve_volumes(self, server_id: int, volumes: Sequence[VolumeSpec]) -> None:
        self._do("serve_volumes", server_id)
        self.volumes[server_id] = list(volumes)

    def delete_volume(self, volume_id: int) -> None:
        self._do("delete_volume", volume_id)

    def serve_box(self, box_id: int, host: str, accounts: Sequence[BoxAccount]) -> None:
        self._do("serve_box", box_id)
        self.hosts[box_id] = host
        self.accounts[box_id] = list(accounts)

    def delete_box(self, box_id: int) -> None:
        self._do("delete_box", box_id)
        del self.accounts[box_id]

    def _do(self, what: str, key: int) -> None:
        self.calls.append((what, key))
        if not self.free.wait(_WAIT_LIMIT_S):
            raise TimeoutError("the test has left the machines waiting")
        if self.failure:
            raise self.failure
