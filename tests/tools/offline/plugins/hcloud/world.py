"""An emulated API in which there is one of everything, always the same; the machines behind it are none."""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import requests

from tests.tools.offline.plugins.client import Client
from tools.emulation.api.faults import Faults
from tools.emulation.api.server import Api
from tools.emulation.api.state import State
from tools.emulation.machines import BoxAccount, ServerSpec, VolumeSpec
from tools.offline.plugins.values import Properties

TOKEN = "t" * 64
ADDRESSES = [f"127.0.0.{number}" for number in range(50, 60)]
_LIMIT_S = 30
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ+G0IGITH1lmi/qoMVa0BWjv08bKwuCLNFdbBWw8AoI test"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINkpihDRsHNYN9xL2F2sZBsPPO8npH5dU6VPLz9bL8/6 other"
THIRD_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILHpkyRQW9MtoOH4Xc9eGaCdsEgeihX2LEHrMgMEqOkn third"
_RANDOM_NAME = re.compile(r"primary_ip-\d{7}$")
FILE = Path(__file__).with_name("answers.json")
# Ids of what `World.reset` makes: far apart, so that they stay what they are when the API comes to need other ids in between.
KEY, WALL, OTHER_WALL, ADDRESS, OTHER_ADDRESS, GROUP, SERVER, VOLUME, BOX, _ZONE, _FIRST = range(1100, 2200, 100)


class NoMachines:
    """Stands in for machines: does nothing."""

    def boot(self, server: ServerSpec) -> None:
        """See Machines."""

    def power_off(self, server_id: int) -> None:
        """See Machines."""

    def delete_server(self, server_id: int) -> None:
        """See Machines."""

    def serve_volumes(self, server_id: int, volumes: Sequence[VolumeSpec]) -> None:
        """See Machines."""

    def delete_volume(self, volume_id: int) -> None:
        """See Machines."""

    def serve_box(self, box_id: int, host: str, accounts: Sequence[BoxAccount]) -> None:
        """See Machines."""

    def delete_box(self, box_id: int) -> None:
        """See Machines."""


class World:
    """The API, and what it was asked."""

    def __init__(self, api: Api, session: requests.Session) -> None:
        self.api, self._session = api, session

    def configure(self, client: Client) -> None:
        """Make a plugin use the API."""
        client.configure(token=TOKEN, endpoint=self.api.url, endpointHetzner=self.api.url, pollInterval="20ms")

    def reset(self) -> None:
        """Make all new; ids begin anew."""
        self.api.state.close()
        self.api.state, self.api.faults = State(NoMachines(), ADDRESSES), Faults()
        self._make(KEY, "/ssh_keys", name="key", public_key=PUBLIC_KEY)
        self._make(WALL, "/firewalls", name="wall")
        self._make(OTHER_WALL, "/firewalls", name="other-wall")
        self._make(ADDRESS, "/primary_ips", name="address", type="ipv4", location="fsn1")
        self._make(OTHER_ADDRESS, "/primary_ips", name="other-address", type="ipv4", location="fsn1")
        self._make(GROUP, "/placement_groups", name="group", type="spread")
        self._make(SERVER, "/servers", name="other-server", server_type="cx23", image="debian-13", location="fsn1")
        self._make(VOLUME, "/volumes", name="other-volume", size=10, location="fsn1")
        box = {"name": "other-box", "storage_box_type": "bx11", "location": "fsn1", "password": "Other-Passw0rd!"}
        self._make(BOX, "/storage_boxes", **box)
        self._make(_ZONE, "/zones", name="example.org", mode="primary")
        self._begin_ids(_FIRST)
        while any(action.status == "running" for action in self.api.state.actions.values()):
            time.sleep(0.01)
        self.requests()

    def _make(self, key: int, path: str, **body: Any) -> None:
        self._begin_ids(key)
        answer = self.ask("POST", path, **body)
        assert key in [made["id"] for made in answer.values() if isinstance(made, dict)], answer

    def _begin_ids(self, key: int) -> None:
        self.api.state._ids = itertools.count(key)

    def ask(self, method: str, path: str, **body: Any) -> Properties:
        """Ask the API beside the plugin."""
        content = body if method in {"POST", "PUT"} else None
        answer = self._session.request(method, self.api.url + path, json=content, timeout=_LIMIT_S)
        assert answer.ok, answer.text
        return dict(answer.json()) if answer.content else {}

    def requests(self) -> list[list[Any]]:
        """Return the requests since the last time, but those for the progress of actions."""
        asked = [[said.method, said.path, spelled(said.request)] for said in self.api.exchanges]
        self.api.exchanges.clear()
        return [entry for entry in asked if not entry[1].startswith("/actions")]


@contextlib.contextmanager
def world() -> Iterator[World]:
    """Serve the API."""
    with Api(NoMachines(), addresses=ADDRESSES, token=TOKEN) as api, requests.Session() as session:
        session.trust_env = False  # there is no proxy to look for
        session.headers["Authorization"] = f"Bearer {TOKEN}"
        yield World(api, session)


def spelled(value: Any) -> Any:
    """Return a value with one spelling: lists sorted, what is empty or random left out."""
    match value:
        case dict():
            found = {key: spelled(item) for key, item in value.items()}
            return {key: item for key, item in sorted(found.items()) if item is not None} or None
        case list():
            return sorted((spelled(item) for item in value), key=repr) or None
        case str():
            return _RANDOM_NAME.sub("random", value) or None
    return value or None
