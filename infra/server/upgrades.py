"""Renders the automatic upgrades: security updates, those of Docker among them, with a reboot at night if one needs it."""

from __future__ import annotations

from infra.server.head import HEAD

# It sorts after 50unattended-upgrades, and clears its lists.
PATH = "/etc/apt/apt.conf.d/60private-registry"


def unattended_upgrades(reboot_at: str = "04:30") -> str:
    """Return the drop-in.

    Args:
        reboot_at: When the machine reboots if an update needs it, as HH:MM in the machine's own time.
    """
    return f"""\
// {HEAD}
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
APT::Periodic::AutocleanInterval "7";

// Security updates only: other changes should not happen unattended.
#clear Unattended-Upgrade::Allowed-Origins;
#clear Unattended-Upgrade::Origins-Pattern;
Unattended-Upgrade::Origins-Pattern {{
    "origin=Debian,codename=${{distro_codename}}-security,label=Debian-Security";
}};

Unattended-Upgrade::Remove-Unused-Dependencies "true";
Unattended-Upgrade::Automatic-Reboot "true";
Unattended-Upgrade::Automatic-Reboot-WithUsers "true";
Unattended-Upgrade::Automatic-Reboot-Time "{reboot_at}";
Unattended-Upgrade::SyslogEnable "true";
"""
