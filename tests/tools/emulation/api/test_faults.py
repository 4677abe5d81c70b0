"""Deliberate failures, and what the official client makes of them."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests
from hcloud import APIException, Client
from hcloud.actions import ActionFailedException
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.server_types import ServerType

from tests.tools.emulation.api.conftest import TOKEN
from tests.tools.emulation.api.no_machines import NoMachines
from tools.emulation.api.errors import ApiError
from tools.emulation.api.server import Api

FSN1 = Location(name="fsn1")


@pytest.fixture
def impatient(client: Any) -> Any:
    """Give the client, which asks again at once."""
    client._client._retry_interval_func = lambda _: 0.01
    return client


def test_the_client_asks_again_after_too_many_requests(api: Api, impatient: Any) -> None:
    api.faults.rate_limit("POST", "/placement_groups", times=2)
    impatient.placement_groups.create("group", "spread")
    assert api.calls == [("POST", "/placement_groups")] * 3
    assert [exchange.status for exchange in api.exchanges] == [429, 429, 201]


def test_too_many_requests_are_reported_in_headers(api: Api) -> None:
    api.faults.rate_limit("GET", "/servers", retry_after_s=7)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = requests.get(f"{api.url}/servers", headers=headers, timeout=5)
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert answer.headers["Retry-After"] == "7"
    assert float(answer.headers["RateLimit-Reset"]) > time.time()


def test_an_unavailable_api_is_reported(api: Api, impatient: Any) -> None:
    api.faults.unavailable("GET", "/servers/*")
    with pytest.raises(APIException) as caught:
        impatient.servers.get_by_id(1)
    assert caught.value.code == "unavailable"


def test_any_error_can_be_answered(api: Api, impatient: Any) -> None:
    api.faults.refuse("GET", "/servers", ApiError("conflict", "changed meanwhile"), times=2)
    assert impatient.servers.get_all() == []
    assert len(api.calls) == 3


def test_a_lost_answer_leaves_what_was_done(api: Api, impatient: Any) -> None:
    api.faults.lose_answer("POST", "/placement_groups")
    # The client asks again, and finds its own first try.
    with pytest.raises(APIException) as caught:
        impatient.placement_groups.create("group", "spread")
    assert caught.value.code == "uniqueness_error"
    assert len(impatient.placement_groups.get_all()) == 1


def test_a_hanging_api_meets_the_limit_of_the_client(api: Api) -> None:
    api.faults.hang("GET", "/servers", seconds=1.0)
    hasty = Client(TOKEN, api_endpoint=api.url, timeout=0.2)
    hasty._client._retry_max_retries = 0
    with pytest.raises((requests.exceptions.Timeout, APIException)):
        hasty.servers.get_all()
    assert hasty.servers.get_all() == []


@pytest.mark.parametrize("done", [False, True])
def test_a_connection_is_closed_without_an_answer(api: Api, impatient: Any, done: bool) -> None:
    api.faults.close("POST", "/placement_groups", after_s=0.1, done=done)
    with pytest.raises(requests.exceptions.ConnectionError, match="without response"):
        impatient.placement_groups.create("group", "spread")
    assert len(impatient.placement_groups.get_all()) == int(done)


def test_faults_end_when_they_are_cleared(api: Api, impatient: Any) -> None:
    api.faults.unavailable("GET", "/servers", times=100)
    api.faults.clear()
    assert impatient.servers.get_all() == []


def test_other_requests_are_left_alone(api: Api, impatient: Any) -> None:
    api.faults.unavailable("POST", "/servers")
    assert impatient.servers.get_all() == []


def test_a_machine_that_does_not_boot_fails_its_action(client: Any, machines: NoMachines) -> None:
    machines.failure = OSError("no space left")
    answer = client.servers.create("x", ServerType(name="cx23"), Image(name="debian-13"), location=FSN1)
    with pytest.raises(ActionFailedException, match="no space left"):
        answer.action.wait_until_finished()
    with pytest.raises(ActionFailedException, match="not been created"):
        answer.next_actions[0].wait_until_finished()
    server = client.servers.get_by_id(answer.server.id)
    assert server.status == "off"
    machines.failure = None
    server.power_on().wait_until_finished()
    server.delete().wait_until_finished()


def test_the_next_server_waits_until_the_address_is_free(client: Any, machines: NoMachines) -> None:
    address = client.primary_ips.create("ipv4", "a", location=FSN1, auto_delete=False).primary_ip
    kind, image = ServerType(name="cx23"), Image(name="debian-13")

    def create(name: str) -> int:
        net = {"enable_ipv4": True, "enable_ipv6": False, "ipv4": address.id}
        body = {"name": name, "server_type": kind.name, "image": image.name, "public_net": net}
        return int(client._client.request(method="POST", url="/servers", json=body)["server"]["id"])

    first = create("first")
    while client.servers.get_by_id(first).status != "running":
        time.sleep(0.01)
    machines.free.clear()
    client.servers.get_by_id(first).delete()
    second = create("second")
    time.sleep(0.1)
    assert ("boot", second) not in machines.calls
    machines.free.set()
    while client.servers.get_by_id(second).status != "running":
        time.sleep(0.01)
    assert machines.calls == [("boot", first), ("delete_server", first), ("boot", second)]
