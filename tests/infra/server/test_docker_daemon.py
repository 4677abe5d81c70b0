"""The engine's configuration in Debian 13's own engine: what it takes, and what containers and clients see of it."""

from __future__ import annotations

import ipaddress
import json

import pytest

from infra.server.docker_daemon import PATH, daemon_json
from tests.infra.server.debian13 import Debian13
from tests.infra.server.guard import GUARD_COMMAND

NETWORKS = 20
# A server with an address of each kind, and a client elsewhere: the name space `outside`.
OUTSIDE = """
ip netns add outside
ip link add eth0 type veth peer name eth0 netns outside
ip link set eth0 up
ip address add 192.0.2.2/24 dev eth0
ip address add 2001:db8::2/64 dev eth0 nodad
ip -netns outside link set eth0 up
ip -netns outside address add 192.0.2.1/24 dev eth0
ip -netns outside address add 2001:db8::1/64 dev eth0 nodad
"""
ENGINE = """
start() {
    dockerd >> /tmp/dockerd.log 2>&1 &
    timeout 30 sh -c 'until docker version; do sleep 0.2; done' >/dev/null 2>&1 || cat /tmp/dockerd.log
}
start
"""


def test_an_engine_that_has_no_ipv6_keeps_to_what_is_no_experiment() -> None:
    given = json.loads(daemon_json(ipv6=False))
    assert not {"ip6tables", "experimental"} & given.keys()
    assert {**given, "ip6tables": True, "experimental": True} == json.loads(daemon_json(ipv6=True))


def test_the_engine_is_reached_by_its_socket_only() -> None:
    assert not {"hosts", "tls", "tlsverify"} & json.loads(daemon_json(ipv6=True)).keys()
    assert json.loads(daemon_json(ipv6=True))["metrics-addr"].startswith("127.0.0.1:")


def test_there_is_room_for_the_networks_of_several_stacks() -> None:
    (pool,) = json.loads(daemon_json(ipv6=True))["default-address-pools"]
    assert len(list(ipaddress.ip_network(pool["base"]).subnets(new_prefix=pool["size"]))) >= 10 * NETWORKS


@pytest.mark.system
def test_the_engine_finds_it_valid(server: Debian13) -> None:
    assert server.run(f"dockerd --validate --config-file {PATH} 2>&1").stdout == "configuration OK\n"
    slip = server.run(f"sed -i s/live-restore/live-restored/ {PATH}; dockerd --validate --config-file {PATH}", check=False)
    assert slip.returncode != 0
    assert "live-restored" in slip.stderr


@pytest.mark.system
def test_the_engine_starts_with_it(server: Debian13) -> None:
    script = f"""{GUARD_COMMAND}
    {ENGINE}
    docker info --format '{{{{json .}}}}'
    for number in $(seq {NETWORKS}); do docker network create "network-$number" >/dev/null; done
    docker network inspect network-{NETWORKS} --format '{{{{(index .IPAM.Config 0).Subnet}}}}'
    iptables --list-rules DOCKER-USER
    """
    told, subnet, *rules = server.run(script).stdout.splitlines()
    info = json.loads(told)
    assert info["LiveRestoreEnabled"]
    assert "name=no-new-privileges" in info["SecurityOptions"]
    assert info["LoggingDriver"] == "local"
    assert subnet == f"10.201.{NETWORKS}.0/24"
    # What the guard has put there before the engine came.
    assert rules[1] == "-A DOCKER-USER -d 169.254.0.0/16 -j REJECT --reject-with icmp-port-unreachable"


@pytest.mark.system
def test_clients_reach_a_container_under_their_own_address_even_without_the_engine(server: Debian13) -> None:
    # With the options that the program gives to the edge and its network.
    script = f"""{OUTSIDE}{ENGINE}
    tar --create --dereference --directory=/ usr/bin/busybox lib64 lib/*-linux-gnu/libc.so.6 lib/*-linux-gnu/libresolv.so.2 \\
        2>/dev/null | docker import - box >/dev/null
    docker network create --ipv6 --subnet fd00:db8::/64 edge >/dev/null
    docker run --detach --name edge --network edge --publish 0.0.0.0:443:8443 --publish '[::]:443:8443' \\
        --publish 127.0.0.1:8080:8443 box /usr/bin/busybox httpd -f -vv -p 8443 >/dev/null
    trap 'docker rm --force edge >/dev/null' EXIT  # else its control group outlives the engine
    from_outside() {{
        for attempt in 1 2 3; do
            ip netns exec outside busybox wget -q -T 5 -O /dev/null "$1/etc/hostname" && return
            sleep 1
        done
        false
    }}
    from_outside http://192.0.2.2:443
    from_outside http://[2001:db8::2]:443
    docker logs edge 2>&1 | grep response
    busybox wget -q -T 5 -O /dev/null http://127.0.0.1:8080/etc/hostname
    docker exec edge /usr/bin/busybox grep NoNewPrivs /proc/self/status
    docker exec edge /usr/bin/busybox sh -c 'ulimit -n'
    kill -KILL "$(cat /run/docker.pid)"
    from_outside http://192.0.2.2:443
    start
    docker ps --format '{{{{.Names}}}}'
    pidof docker-proxy || echo no proxy
    """
    ipv4, ipv6, *others = server.run(script).stdout.splitlines()
    assert ipv4.startswith("[::ffff:192.0.2.1]:")
    assert ipv6.startswith("[2001:db8::1]:")
    assert others == ["NoNewPrivs:\t1", "16384", "edge", "no proxy"]
