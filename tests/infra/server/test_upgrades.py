"""Unattended upgrades: what Debian 13's own apt and unattended-upgrade make of the drop-in."""

from __future__ import annotations

import pytest

from infra.server.upgrades import unattended_upgrades
from tests.infra.server.debian13 import Debian13


def test_the_time_of_restarts_is_taken() -> None:
    assert '\nUnattended-Upgrade::Automatic-Reboot-Time "02:15";\n' in unattended_upgrades("02:15")


@pytest.mark.system
def test_apt_reads_it_after_what_debian_brings(server: Debian13) -> None:
    lines = server.run("apt-config dump").stdout.splitlines()
    assert {
        'APT::Periodic::Update-Package-Lists "1";',
        'APT::Periodic::Unattended-Upgrade "1";',
        'Unattended-Upgrade::Automatic-Reboot "true";',
        'Unattended-Upgrade::Automatic-Reboot-Time "04:30";',
    } <= set(lines)


@pytest.mark.system
def test_security_updates_and_no_others_are_installed(server: Debian13) -> None:
    ask = "unattended-upgrade --dry-run --debug 2>&1 | grep '^Allowed origins'"
    security = "origin=Debian,codename=trixie-security,label=Debian-Security"
    assert server.run(ask).stdout == f"Allowed origins are: {security}\n"
    assert "label=Debian," in server.run(f"rm /etc/apt/apt.conf.d/60private-registry; {ask}").stdout
