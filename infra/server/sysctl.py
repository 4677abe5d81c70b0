"""Renders kernel settings: those that harden it, and a few others."""

from __future__ import annotations

from collections.abc import Mapping

from infra.server.head import HEAD

# It leaves out ip_forward: Docker only closes the FORWARD chain if it turns forwarding on itself.
PATH = "/etc/sysctl.d/90-private-registry.conf"

# Settings by their reason. Their meaning: https://docs.kernel.org/admin-guide/sysctl/ and networking/ip-sysctl.html
SETTINGS: Mapping[str, Mapping[str, str]] = {
    "Kernel addresses and logs are hidden, and processes may only trace their children.": {
        "kernel.kptr_restrict": "2",
        "kernel.dmesg_restrict": "1",
        "kernel.yama.ptrace_scope": "1",
        "kernel.unprivileged_bpf_disabled": "1",
        "net.core.bpf_jit_harden": "2",
    },
    "No links to other users' files, no writing to their files in /tmp, no core dumps of privileged programs.": {
        "fs.protected_hardlinks": "1",
        "fs.protected_symlinks": "1",
        "fs.protected_fifos": "2",
        "fs.protected_regular": "2",
        "fs.suid_dumpable": "0",
    },
    "Nobody outside changes routes. Source checks are loose, because strict ones break container networks.": {
        "net.ipv4.conf.all.rp_filter": "2",
        "net.ipv4.conf.default.rp_filter": "2",
        "net.ipv4.conf.all.accept_redirects": "0",
        "net.ipv4.conf.default.accept_redirects": "0",
        "net.ipv4.conf.all.send_redirects": "0",
        "net.ipv4.conf.default.send_redirects": "0",
        "net.ipv4.conf.all.accept_source_route": "0",
        "net.ipv4.conf.default.accept_source_route": "0",
        "net.ipv6.conf.all.accept_redirects": "0",
        "net.ipv6.conf.default.accept_redirects": "0",
        "net.ipv6.conf.all.accept_source_route": "0",
        "net.ipv6.conf.default.accept_source_route": "0",
        "net.ipv4.tcp_syncookies": "1",
    },
    "HTTP/3 at the edge: https://github.com/quic-go/quic-go/wiki/UDP-Buffer-Sizes": {
        "net.core.rmem_max": "7500000",
        "net.core.wmem_max": "7500000",
    },
    "After a panic the server reboots; nobody is there to press a button.": {
        "kernel.panic": "10",
    },
}


def sysctl_conf() -> str:
    """Return the drop-in."""
    groups = [f"# {why}\n" + "".join(f"{key} = {value}\n" for key, value in group.items()) for why, group in SETTINGS.items()]
    return "\n".join([f"# {HEAD}\n", *groups])
