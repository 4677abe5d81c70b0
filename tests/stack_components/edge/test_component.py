"""The edge as a container: what it is told of the host it runs on."""

from __future__ import annotations

import json

from tests.declared import declare


def test_it_learns_from_docker_where_requests_of_the_host_come_from() -> None:
    trusting = declare({"edge": json.dumps({"trusted_proxies": ["127.0.0.1"]})}).named("edge-container")
    # The mock of the engine gives the network no gateway.
    assert trusting.inputs["envs"] == ["GOMEMLIMIT=217MiB", "HOST_ADDRESS=192.0.2.255"]
    assert declare({}).named("edge-container").inputs["envs"] == ["GOMEMLIMIT=217MiB"]
