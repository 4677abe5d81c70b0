"""The units in Debian 13's own systemd, and the guards between networks."""

from __future__ import annotations

import re

import pytest

from infra.server.units import CLIENTS_GUARD, GUARD, SCOPE_PATH, USERS_GUARD, clients_guard, container_scope, users_guard
from tests.infra.server.debian13 import Debian13
from tests.infra.server.guard import CLIENTS_GUARD_COMMANDS, GUARD_COMMAND, USERS_GUARD_COMMANDS

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
    checked = server.run(f"systemd-analyze verify {GUARD} {USERS_GUARD} {CLIENTS_GUARD} docker.service 2>&1")
    assert checked.stdout == ""
    slip = server.run(f"sed -i s/PrivateTmp/PrivatTmp/ /etc/systemd/system/{GUARD}; systemd-analyze verify {GUARD} 2>&1")
    assert "Unknown key 'PrivatTmp'" in slip.stdout


def test_the_guard_may_do_little(server: Debian13) -> None:
    for guard in (GUARD, USERS_GUARD, CLIENTS_GUARD):
        server.run(f"systemd-analyze security --offline=true --threshold={EXPOSURE} {guard}")


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


# A container on a network of Docker's, one of whose ports is published on loopback as Docker does it.
PUBLISHED = """
ip netns add container
ip link add br-0123456789ab type veth peer name eth0 netns container
ip address add 10.201.1.1/24 dev br-0123456789ab
ip link set br-0123456789ab up
ip link set lo up
ip -netns container address add 10.201.1.2/24 dev eth0
ip -netns container link set eth0 up
ip -netns container link set lo up
mkdir /tmp/page
echo page > /tmp/page/index.html
ip netns exec container busybox httpd -p 80 -h /tmp/page
echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet
echo 1 > /proc/sys/net/ipv4/conf/br-0123456789ab/route_localnet
iptables --table nat --append OUTPUT --destination 127.0.0.1 --protocol tcp --dport 8080 --jump DNAT --to 10.201.1.2:80
iptables --table nat --append POSTROUTING --out-interface br-0123456789ab --source 127.0.0.0/8 --jump MASQUERADE
as() { setpriv --reuid=$1 --regid=$1 --clear-groups busybox wget -q -T 5 -O - "http://$2/" 2>&1 || true; }
"""
KEPT_AWAY = "wget: can't connect to remote host (10.201.1.2): Connection refused"


def test_users_reach_the_published_ports_of_containers_alone(server: Debian13) -> None:
    script = f"""{PUBLISHED}
    as 10001 10.201.1.2
    {USERS_GUARD_COMMANDS[0]}
    as 10001 10.201.1.2
    as 10001 127.0.0.1:8080
    as 0 10.201.1.2
    """
    assert server.run(script).stdout.splitlines() == ["page", KEPT_AWAY, "page", "page"]


def test_the_rule_for_users_is_set_once_and_for_both_protocols(server: Debian13) -> None:
    twice = "\n".join([*USERS_GUARD_COMMANDS, *USERS_GUARD_COMMANDS])
    shown = server.run(f"{twice}\niptables --list-rules OUTPUT; ip6tables --list-rules OUTPUT").stdout.splitlines()
    rule = "-o br-+ -m conntrack --ctstate NEW -m conntrack ! --ctstate DNAT -m owner ! --uid-owner 0 -j REJECT --reject-with"
    policy = "-P OUTPUT ACCEPT"
    both = [f"-A OUTPUT {rule} icmp{version}-port-unreachable" for version in ("", "6")]
    assert shown == [policy, both[0], policy, both[1]]
    assert len(users_guard(ipv6=False).splitlines()) == len(users_guard(ipv6=True).splitlines()) - 1


# A client on another network, and the edge's port published as Docker does it.
FROM_OUTSIDE = """
ip netns add client
ip link add outside type veth peer name eth0 netns client
ip address add 192.0.2.1/24 dev outside
ip link set outside up
ip -netns client address add 192.0.2.2/24 dev eth0
ip -netns client address add 192.0.2.3/24 dev eth0
ip -netns client link set eth0 up
ip -netns client link set lo up
ip -netns container route add default via 10.201.1.1
echo 1 > /proc/sys/net/ipv4/ip_forward
iptables --table nat --append PREROUTING --destination 192.0.2.1 --protocol tcp --dport 443 --jump DNAT --to 10.201.1.2:80
iptables --insert FORWARD --jump DOCKER-USER
"""
# Each line is a client's address; prints what becomes of its connection, all of which stay open.
CLIENTS = """
import socket, sys
kept = []
for address in sys.argv[1:]:
    try:
        kept.append(socket.create_connection(("192.0.2.1", 443), timeout=5, source_address=(address, 0)))
        print("open")
    except OSError as error:
        print(type(error).__name__)
"""


def test_clients_have_so_many_connections_and_no_more(server: Debian13) -> None:
    addresses = ["192.0.2.2"] * 3 + ["192.0.2.3"] * 3
    script = f"""{PUBLISHED}
    {"; ".join(CLIENTS_GUARD_COMMANDS)}
    {FROM_OUTSIDE}
    ip netns exec client python3 -c '{CLIENTS}' {" ".join(addresses)}
    """
    assert server.run(script).stdout.splitlines() == ["open", "open", "ConnectionRefusedError"] * 2


def test_the_limits_of_connections_are_set_once_and_a_proxy_in_front_may_have_all(server: Debian13) -> None:
    twice = "\n".join([*CLIENTS_GUARD_COMMANDS, *CLIENTS_GUARD_COMMANDS])
    shown = server.run(f"{twice}\niptables --list-rules DOCKER-USER; ip6tables --list-rules DOCKER-USER").stdout
    masks = re.findall(r"connlimit-above (\d+) --connlimit-mask (\d+)", shown)
    assert masks == [("2", "32"), ("8", "0"), ("2", "64"), ("8", "0")]
    behind = clients_guard(port=443, connections=8, one_address=True, ipv6=False)
    assert [line for line in behind.splitlines() if "connlimit-mask 32" in line] == []
    assert behind.count("connlimit-above 8 --connlimit-mask 0") == 2


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
