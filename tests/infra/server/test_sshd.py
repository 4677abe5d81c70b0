"""The drop-in of sshd in Debian 13's own sshd: what is in force, who gets in, and what an audit says."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest

from infra.server.sshd import PATH, sshd_config
from tests.infra.server.debian13 import Debian13

pytestmark = pytest.mark.system

CONNECTIONS = 90
CLOUD_INIT = "printf 'PasswordAuthentication yes\\nPermitRootLogin yes\\n' > /etc/ssh/sshd_config.d/50-cloud-init.conf\n"
START = """
mkdir -p /root/.ssh
ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
printf 'StrictHostKeyChecking no\\nLogLevel ERROR\\nBatchMode yes\\n' > /root/.ssh/config
/usr/sbin/sshd -E /tmp/log
until ss -ltnH 'sport = :22' | grep -q .; do sleep 0.1; done  # it goes into the background before it listens
"""


def test_other_users_are_named() -> None:
    assert "\nAllowUsers root deploy\n" in sshd_config(["root", "deploy"])


def test_sshd_takes_it_before_what_cloud_init_wrote(server: Debian13) -> None:
    lines = server.run(f"{CLOUD_INIT} sshd -t; sshd -T").stdout.splitlines()
    assert {
        "allowusers root",
        "permitrootlogin without-password",
        "authenticationmethods publickey",
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "allowtcpforwarding local",
        "permitopen *:23",
        "allowstreamlocalforwarding no",
        "allowagentforwarding no",
        "x11forwarding no",
        "permittunnel no",
        "maxauthtries 4",
        "logingracetime 30",
        "maxstartups 100:30:200",
        "maxsessions 100",
    } <= set(lines)
    assert "mlkem768x25519-sha256" in next(line for line in lines if line.startswith("kexalgorithms "))


def test_a_slip_in_it_is_found(server: Debian13) -> None:
    checked = server.run(f"echo MaxAuthTrys 4 >> {PATH}; sshd -t", check=False)
    assert checked.returncode != 0
    assert "Bad configuration option: MaxAuthTrys" in checked.stderr


def test_root_comes_in_with_a_key_and_in_no_other_way(server: Debian13) -> None:
    script = f"""{CLOUD_INIT}{START}
    useradd --create-home guest
    cp -r /root/.ssh /home/guest/.ssh
    chown -R guest: /home/guest/.ssh
    ssh 127.0.0.1 echo in as '$USER'
    ssh -o PubkeyAuthentication=no 127.0.0.1 echo in with a password 2>&1 || true
    ssh guest@127.0.0.1 echo in as another 2>&1 || true
    """
    assert server.run(script).stdout.splitlines() == [
        "in as root",
        "root@127.0.0.1: Permission denied (publickey).",
        "guest@127.0.0.1: Permission denied (publickey).",
    ]


def test_nothing_is_forwarded_but_to_storage_boxes(server: Debian13) -> None:
    script = f"{START} ssh -o LogLevel=INFO -W 127.0.0.1:22 127.0.0.1 2>&1 </dev/null"
    box = "/usr/sbin/sshd -o ListenAddress=127.0.0.1:23; until ss -ltnH 'sport = :23' | grep -q .; do sleep 0.1; done;"
    assert (
        "SSH-2.0-OpenSSH" in server.run(f"{START} {box} {script.removeprefix(START).replace(':22', ':23')}", check=False).stdout
    )
    assert "administratively prohibited" in server.run(script, check=False).stdout
    assert "SSH-2.0-OpenSSH" in server.run(f"rm {PATH}; {script}", check=False).stdout


def _failed(server: Debian13, before: str = "") -> list[str]:
    """Return the algorithms that ssh-audit fails."""
    audit = json.loads(server.run(f"{before}{START} ssh-audit --json 127.0.0.1 || true").stdout)
    found = [algorithm for kind in ("kex", "key", "enc", "mac") for algorithm in audit[kind]]
    assert len(found) > 10
    return [algorithm["algorithm"] for algorithm in found if "fail" in algorithm["notes"]]


def test_an_audit_fails_nothing(server: Debian13) -> None:
    assert _failed(server) == []


def test_an_audit_fails_what_openssh_offers_by_itself(server: Debian13) -> None:
    assert {"ecdh-sha2-nistp256", "ecdsa-sha2-nistp256", "hmac-sha1"} <= set(_failed(server, f"rm {PATH};"))


def test_many_connections_at_once_are_taken_and_giving_them_up_is_forgiven(server: Debian13) -> None:
    hold = f"""
    import socket
    held = [socket.create_connection(("127.0.0.1", 22), timeout=20) for _ in range({CONNECTIONS})]
    print(sum(connection.recv(99).startswith(b"SSH-2.0-") for connection in held))
    """
    script = f"{START} python3 -c '{dedent(hold)}'; ssh 127.0.0.1 echo in afterwards"
    assert server.run(script).stdout.splitlines() == [str(CONNECTIONS), "in afterwards"]


def test_the_docker_command_reaches_the_engine(server: Debian13) -> None:
    script = f"""{START}
    dockerd > /tmp/dockerd.log 2>&1 &
    timeout 30 sh -c 'until docker version; do sleep 0.2; done' >/dev/null 2>&1 || cat /tmp/dockerd.log
    docker -H ssh://root@127.0.0.1 version --format '{{{{.Server.Os}}}}'
    """
    assert server.run(script).stdout == "linux\n"
