"""Renders what is upgraded without anybody: security updates, with a restart of the machine at night when one needs it."""

from __future__ import annotations

from infra.server.head import HEAD

# After 50unattended-upgrades, whose lists it empties.
PATH = "/etc/apt/apt.conf.d/60private-registry"


def unattended_upgrades(reboot_at: str = "04:30") -> str:
    """Return the drop-in.

    Args:
        reboot_at: When the machine restarts if an update needs it, as HH:MM in the machine's own time.
    """
    return f"""\
// {HEAD}
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
APT::Periodic::AutocleanInterval "7";

// Nothing else: what changes how the machine behaves shall not happen at night.
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
