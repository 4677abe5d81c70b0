"""The emulated API without machines, and the official client of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hcloud import APIException, Client
from hcloud.locations import Location
from hcloud.storage_box_types import StorageBoxType
from hcloud.storage_boxes import StorageBoxAccessSettings

from tests.tools.emulation.api.no_machines import NoMachines
from tests.tools.emulation.api.openapi import DESCRIPTION, check
from tools.emulation.api.server import NO_ANSWER, Api

TOKEN = "t" * 64
ADDRESSES = ("127.0.0.50", "127.0.0.51", "127.0.0.52")
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4iMmPWbdCbi2UkUYdMc0qUFZXyIMjVuW4FHU5Yb3bq somebody"
PASSWORD = "Correct-Horse-7-Battery"


@pytest.fixture
def machines() -> NoMachines:
    return NoMachines()


@pytest.fixture
def api(machines: NoMachines) -> Iterator[Api]:
    """Yield the API; if the OpenAPI description is at hand, every exchange is checked against it afterwards."""
    with Api(machines, addresses=ADDRESSES, token=TOKEN) as running:
        yield running
        machines.free.set()
    if DESCRIPTION.exists():
        for exchange in running.exchanges:
            if exchange.status != NO_ANSWER:
                check(exchange)


@pytest.fixture
def client(api: Api) -> Any:
    """Yield the client, untyped: its types have no required fields."""
    return Client(TOKEN, api_endpoint=api.url, api_endpoint_hetzner=api.url, poll_interval=0.02, timeout=20)


def refused(code: str, request: Callable[[], Any], text: str | None = None) -> APIException:
    """Return the error that a request is refused with, whose code is as expected."""
    with pytest.raises(APIException, match=text) as caught:
        request()
    assert caught.value.code == code
    return caught.value


def make_box(client: Any, name: str = "backup", password: str = PASSWORD) -> Any:
    """Order a Storage Box, and wait for it."""
    answer = client.storage_boxes.create(
        name=name,
        location=Location(name="fsn1"),
        storage_box_type=StorageBoxType(name="bx11"),
        password=password,
        ssh_keys=[PUBLIC_KEY],
        access_settings=StorageBoxAccessSettings(ssh_enabled=True),
    )
    answer.action.wait_until_finished()
    return client.storage_boxes.get_by_id(answer.storage_box.id)
