"""A production stack with its data on a volume: the data survives a power cut, and the loss of the server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hcloud import Client as Console

from ops.core.process import CommandError
from tests.engine.servers import Server, production
from tools.emulation.client import Client
from tools.emulation.stack import EmulatedStack

ADDRESS = "127.0.0.63"
IMAGE = "team/app:1"
ROOT = "/srv/private-registry"
SETTINGS: dict[str, Any] = {
    "monitoring": {"enabled": False},
    "registry": {"keep_data": False},
    "hetzner": {"ssh_from": ["0.0.0.0/0"], "storage_box": False, "volume": {"size_gb": 10}, "protect": False},
}
_LIMIT_S = 60.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedStack]:
    with production(tmp_path_factory.mktemp("production"), ADDRESS, **SETTINGS) as stack:
        stack.stack.up()
        yield stack


@pytest.fixture(scope="module")
def server(stack: EmulatedStack) -> Server:
    return Server(stack)


@pytest.fixture(scope="module")
def console(stack: EmulatedStack) -> Console:
    return stack.console()


@pytest.fixture(scope="module")
def client(stack: EmulatedStack, tmp_path_factory: pytest.TempPathFactory) -> Client:
    client = Client.of_operator(stack.stack.outputs(), tmp_path_factory.mktemp("operator"))
    client.push(IMAGE)
    return client


def device(server: Server) -> str:
    return server.run(f"findmnt --noheadings --output SOURCE --mountpoint {ROOT}").strip()


def in_time(ask: Callable[[], str]) -> str:
    give_up = time.monotonic() + _LIMIT_S
    while True:
        try:
            return ask()
        except CommandError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.5)


def test_the_data_is_on_the_volume_and_a_second_up_changes_nothing(stack: EmulatedStack, server: Server) -> None:
    volume = next(iter(stack.api.state.volumes))
    assert device(server) == server.run(f"readlink -f /dev/disk/by-id/scsi-0HC_Volume_{volume.id}").strip()
    assert server.run("grep -c private-registry /etc/fstab").strip() == "1"
    before = len(stack.api.calls)
    stack.stack.up("--expect-no-changes")
    assert stack.api.calls[before:] == []


def test_a_power_cut_loses_nothing(server: Server, client: Client, console: Console) -> None:
    digest = client.digest(IMAGE)
    console.servers.get_all()[0].reset().wait_until_finished()
    assert in_time(lambda: client.digest(IMAGE)) == digest
    assert device(server).startswith("/dev/loop")


def test_another_server_has_the_same_images(stack: EmulatedStack, server: Server, client: Client) -> None:
    digest, name = client.digest(IMAGE), server.name
    before = len(stack.api.calls)
    # The second run notices that the new server's engine has no containers.
    stack.stack.up("--target-replace", "**::server", "--target", "**::data-attachment", "--target", "**::ready")
    stack.stack.up("--refresh")
    asked = [path.rpartition("/")[2] for method, path in stack.api.calls[before:] if method != "GET"]
    assert asked.index("shutdown") < asked.index("attach")
    assert "detach" not in asked
    assert server.name != name
    assert in_time(lambda: client.digest(IMAGE)) == digest
    stack.stack.up("--expect-no-changes")


def test_without_protection_everything_goes(stack: EmulatedStack) -> None:
    stack.stack.destroy()
    assert stack.api.is_empty
