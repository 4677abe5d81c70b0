"""The units in Debian 13's own systemd, and the metadata guard between networks."""

from __future__ import annotations

import pytest

from infra.server.units import GUARD, SCOPE_PATH, container_scope
from tests.infra.server.debian13 import Debian13
from tests.infra.server.guard import GUARD_COMMAND

pytestmark = pytest.mark.system

# The most that systemd may find exposed, in tenths; a service without any such option has 96.
EXPOSURE = 20
# A container and a cloud on both sides of the server, which lets everything through as Docker does for containers.
BETWEEN = """
ip netns add container
ip netns add cloud
ip link add docker0 type veth peer name eth0 netns container
ip link add eth0 type veth peer name eth0 netns cloud
ip address add 10.201.1.1/24 dev docker0
ip address add 192.0.2.2/24 dev eth0
ip link set docker0 up
ip link set eth0 up
ip -netns container address add 10.201.1.2/24 dev eth0
ip -netns container link set eth0 up
ip -netns container route add default via 10.201.1.1
ip -netns cloud address add 192.0.2.1/24 dev eth0
ip -netns cloud address add 169.254.169.254/32 dev eth0
ip -netns cloud link set eth0 up
ip -netns cloud route add 10.201.0.0/16 via 192.0.2.2
ip route add 169.254.169.254 via 192.0.2.1
echo 1 > /proc/sys/net/ipv4/ip_forward
mkdir /tmp/cloud
echo user data > /tmp/cloud/index.html
ip netns exec cloud busybox httpd -p 80 -h /tmp/cloud
ask() { ip netns exec container busybox wget -q -T 5 -O - "http://$1/" 2>&1 || true; }
"""
REFUSED = "wget: can't connect to remote host (169.254.169.254): Connection refused"


def test_systemd_finds_nothing_wrong_with_the_guard(server: Debian13) -> None:
    checked = server.run(f"systemd-analyze verify {GUARD} docker.service 2>&1")
    assert checked.stdout == ""
    slip = server.run(f"sed -i s/PrivateTmp/PrivatTmp/ /etc/systemd/system/{GUARD}; systemd-analyze verify {GUARD} 2>&1")
    assert "Unknown key 'PrivatTmp'" in slip.stdout


def test_the_guard_may_do_little(server: Debian13) -> None:
    server.run(f"systemd-analyze security --offline=true --threshold={EXPOSURE} {GUARD}")


def test_containers_cannot_reach_the_metadata_of_the_server(server: Debian13) -> None:
    script = f"""{BETWEEN}
    ask 169.254.169.254
    {GUARD_COMMAND}
    iptables --insert FORWARD --jump DOCKER-USER
    ask 169.254.169.254
    ask 192.0.2.1
    busybox wget -q -T 5 -O - http://169.254.169.254/
    """
    assert server.run(script).stdout.splitlines() == ["user data", REFUSED, "user data", "user data"]


def test_the_guard_comes_first_in_a_chain_that_is_there_and_only_once(server: Debian13) -> None:
    script = f"""
    iptables --new-chain DOCKER-USER
    iptables --append DOCKER-USER --jump RETURN
    {GUARD_COMMAND}
    {GUARD_COMMAND}
    iptables --list-rules DOCKER-USER
    """
    assert server.run(script).stdout.splitlines() == [
        "-N DOCKER-USER",
        "-A DOCKER-USER -d 169.254.0.0/16 -j REJECT --reject-with icmp-port-unreachable",
        "-A DOCKER-USER -j RETURN",
    ]


def test_a_guard_that_cannot_set_its_rule_fails(server: Debian13) -> None:
    assert server.run(f"iptables() {{ false; }}\n{GUARD_COMMAND.split(chr(39))[1]}", check=False).returncode != 0


def test_systemd_takes_the_limit_of_containers(server: Debian13) -> None:
    # systemd reads scopes from no file, so that a slice of such a name stands for one: it takes the same limits.
    limit = container_scope().replace("[Scope]", "[Slice]")
    place = SCOPE_PATH.replace(".scope.d", ".slice.d")
    script = f"""
    mkdir -p {place.rpartition("/")[0]}
    printf '%s' '{limit}' > {place}
    echo '[Slice]' > /etc/systemd/system/docker-0123.slice
    systemd-analyze verify docker-0123.slice 2>&1
    sed -i s/1024/many/ {place}
    systemd-analyze verify docker-0123.slice 2>&1
    """
    assert server.run(script).stdout == f"{place}:3: Invalid maximum tasks value 'many', ignoring: Invalid argument\n"
