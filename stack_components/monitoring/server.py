"""The alerts of what `regops` measures on a server: units, file systems, the registry's name, messages that wait."""

from __future__ import annotations

import ipaddress

from infra.plan import Plan
from stack_components.monitoring.rules import Alert, Group, alert

# The most frequent tasks write every five and ten minutes.
_STALE_S = 1800
# As the doctor sees it.
_LATE_S = 3600


def server(plan: Plan) -> Group:
    """Return the alerts of a server beside those of its tasks."""
    return Group(
        name="server",
        rules=[
            alert(
                "TaskMetricsStale",
                f"time() - max by (job, instance) (node_textfile_mtime_seconds) > {_STALE_S}",
                hold="5m",
                severity="warning",
                service="regops",
                summary="No task has reported anything for {{ $value | humanizeDuration }}",
                to_do="`systemctl list-timers 'regops-*'` shows whether they are due, `journalctl -u 'regops-*'` why they end.",
            ),
            alert(
                "UnitFailed",
                "regops_unit_failed == 1",
                hold="15m",
                severity="warning",
                service="{{ $labels.unit }}",
                summary="{{ $labels.unit }} has failed",
                to_do="`systemctl status {{ $labels.unit }}` and `journalctl -u {{ $labels.unit }}` show why.",
            ),
            alert(
                "UnitRestarts",
                "increase(regops_unit_restarts[1h]) >= 3",
                hold=None,
                severity="warning",
                service="{{ $labels.unit }}",
                summary="systemd keeps restarting {{ $labels.unit }}",
                to_do="`journalctl -u {{ $labels.unit }}` shows its last words.",
            ),
            alert(
                "DiskReadOnly",
                "regops_disk_read_only == 1",
                hold="10m",
                severity="critical",
                service="host",
                summary="The {{ $labels.disk }} disk has become read-only",
                to_do="The kernel does that after errors: `dmesg` shows them. Make a backup before you restart anything.",
            ),
            alert(
                "ConntrackAlmostFull",
                "regops_conntrack_entries / regops_conntrack_limit > 0.75",
                hold="10m",
                severity="warning",
                service="host",
                summary="The kernel's table of connections is {{ $value | humanizePercentage }} full",
                to_do="Once it is full, new connections are dropped, SSH included. `sysctl net.netfilter.nf_conntrack_max` shows "
                "its size, and can enlarge it.",
            ),
            *(_name() if _has_name(plan) else []),
            *(_messages() if plan.settings.operations.notify.channels else []),
        ],
    )


def _has_name(plan: Plan) -> bool:
    """Whether clients look the registry up in DNS."""
    try:
        ipaddress.ip_address(plan.settings.registry_host.partition(":")[0])
    except ValueError:
        return True
    return False


def _name() -> list[Alert]:
    return [
        alert(
            "NameNotResolved",
            "regops_name_resolves == 0",
            hold="15m",
            severity="critical",
            service="edge",
            summary="The registry's name does not exist in DNS",
            to_do="Nobody finds the registry. `getent hosts` with the name shows it from here; see the zone at its DNS provider.",
        )
    ]


def _messages() -> list[Alert]:
    return [
        alert(
            "MessagesWait",
            f"regops_outbox_oldest_seconds > {_LATE_S} or regops_outbox_dead > 0",
            hold="15m",
            severity="warning",
            service="regops",
            summary="Messages do not reach {{ $labels.channel }}",
            to_do="`regops notify status` shows how many wait and why, and what sends them.",
        )
    ]
