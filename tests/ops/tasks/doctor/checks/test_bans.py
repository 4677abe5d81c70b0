"""The check of bans: this machine and the allow list are never among those banned, and a real CrowdSec is asked."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.registry.transport import Endpoint
from ops.stack.crowdsec import Ban
from ops.tasks.doctor.checks.bans import bans, judge, own_addresses
from ops.tasks.doctor.run import check_host
from tests.ops.stack.bans_rig import ALLOWED, SCANNER, Protected, protected_stack, write_config
from tools.bootstrap.docker_engine import ensure_docker

NOW = datetime.now(UTC)
BAN = Ban(SCANNER, "Ip", "ban", "crowdsecurity/http-probing", "crowdsec", NOW, NOW + timedelta(hours=4), "")
OWN = [ipaddress.ip_network("198.51.100.1"), ipaddress.ip_network("2001:db8::1")]
OFFICE = [ipaddress.ip_network("192.0.2.0/24")]


def test_bans_of_others_are_counted() -> None:
    check = judge([BAN, replace(BAN, value="XX", scope="Country")], own=OWN, allowed=OFFICE)
    assert (check.state, check.detail, check.remedy) == ("ok", "2 banned here", "")
    assert judge([], own=OWN, allowed=OFFICE).detail == "nobody is banned here"


@pytest.mark.parametrize(
    ("value", "whose"),
    [
        ("198.51.100.1", "this machine's own address"),
        ("198.51.100.0/24", "this machine's own address"),
        ("2001:DB8::0:1", "this machine's own address"),
        ("192.0.2.7", "on the allow list"),
    ],
)
def test_a_ban_that_should_never_happen_is_reported_with_its_remedy(value: str, whose: str) -> None:
    check = judge([BAN, replace(BAN, value=value)], own=OWN, allowed=OFFICE)
    assert check.state == "warning"
    assert check.detail == f"{value} is banned, but is {whose}: crowdsecurity/http-probing (2 banned here)"
    assert f"`regops unban {value}`" in check.remedy


def test_a_machine_knows_its_addresses_and_those_of_the_registrys_name() -> None:
    texts = [str(one) for one in own_addresses("https://registry.example.com:8443", {"registry.example.com": "198.51.100.77"})]
    assert "198.51.100.77/32" in texts
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no way to others")
        assert f"{probe.getsockname()[0]}/32" in texts


def test_an_unknown_name_does_not_fail_the_check_of_bans() -> None:
    assert isinstance(own_addresses("https://registry.invalid", {}), list)


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protected]:
    with protected_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.mark.system
def test_bans_and_the_allow_list_are_read_from_a_real_crowdsec(protected: Protected, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", ensure_docker())
    protected.ban(SCANNER, "crowdsecurity/http-probing")
    check = bans(protected.stack)
    assert (check.state, check.detail) == ("ok", "1 banned here")
    protected.ban(ALLOWED, "by mistake")
    check = bans(protected.stack)
    assert (check.state, check.detail) == (
        "warning",
        f"{ALLOWED} is banned, but is on the allow list: by mistake (2 banned here)",
    )
    assert [one for one in check_host(protected.stack, Endpoint("http://127.0.0.1")) if one.name == check.name] == [check]


@pytest.mark.system
def test_bans_that_cannot_be_read_are_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", ensure_docker())
    check = bans(write_config(tmp_path, "test-none", "crowdsec"))
    assert check.state == "warning"
    assert "missing" in check.detail
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert bans(write_config(tmp_path, "test-none", "crowdsec")).state == "skipped"
