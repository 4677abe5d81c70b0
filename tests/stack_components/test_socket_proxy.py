"""What a proxy before the Docker engine's socket is told, and whether its user can open the socket."""

from __future__ import annotations

import contextlib
import re

import docker
import pytest

from infra.paths import cache_folder
from stack_components.service import Exemption
from stack_components.socket_proxy import socket_proxy_args
from tools.bootstrap.docker_engine import ensure_docker
from tools.offline.images import ensure_images


def test_the_proxy_lets_one_client_ask_what_is_allowed_and_watches_the_socket() -> None:
    args = socket_proxy_args({"GET": "/version|/_ping", "HEAD": "/_ping"}, client="reader")
    assert args.command == [
        "-listenip=0.0.0.0",
        "-proxyport=2375",
        "-allowfrom=reader",
        "-allowGET=(?:/version|/_ping)",
        "-allowHEAD=(?:/_ping)",
        "-allowhealthcheck",
        "-watchdoginterval=30",
        "-stoponwatchdog",
    ]
    assert args.healthcheck.command == ["/healthcheck"]


def test_an_alternative_does_not_open_the_rest() -> None:
    (allowed,) = [word for word in socket_proxy_args({"GET": "/version|/_ping"}, client="x").command if "allowGET" in word]
    pattern = re.compile(f"^{allowed.partition('=')[2]}$")  # the proxy writes ^ and $
    assert [path for path in ("/version", "/_ping", "/version/x", "/x/_ping") if pattern.search(path)] == ["/version", "/_ping"]


@pytest.mark.system
def test_root_without_capabilities_opens_the_socket_and_others_do_not() -> None:
    args = socket_proxy_args({}, client="x")
    assert (args.user, args.capabilities) == ("0:0", {})
    assert set(args.exemptions) == {Exemption.ROOT, Exemption.DOCKER_SOCKET}
    address = ensure_docker()
    socket = address.removeprefix("unix://")
    mounted = args.docker_socket
    ask = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({mounted!r}); print('connected')"
    with contextlib.closing(docker.DockerClient(base_url=address)) as engine:
        image = ensure_images(["python"], engine, cache_folder("offline"))["python"]

        def answer(user: str) -> bytes:
            ran: bytes = engine.containers.run(
                image.reference,
                ["python3", "-c", ask],
                user=user,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges:true"],
                read_only=True,
                network_mode="none",
                volumes=[f"{socket}:{mounted}:ro"],
                remove=True,
            )
            return ran

        assert answer("0:0") == b"connected\n"
        with pytest.raises(docker.errors.ContainerError, match="Permission denied"):
            answer("10001:10001")
