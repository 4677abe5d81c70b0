"""Looks at a stack in a second, without touching its registry or its files: what runs, what has run, how much room is left."""

from __future__ import annotations

from ops.core.findings import Findings
from ops.stack.stack import Stack
from ops.tasks.doctor.checks.alerts import alerts
from ops.tasks.doctor.checks.backups import backups
from ops.tasks.doctor.checks.channels import channels
from ops.tasks.doctor.checks.containers import service_checks
from ops.tasks.doctor.checks.host import disk, read_only_mode
from ops.tasks.doctor.checks.logins import logins
from ops.tasks.doctor.checks.mirror import mirror
from ops.tasks.doctor.checks.tasks import tasks


def glance(stack: Stack) -> Findings:
    """Return what a quick look finds."""
    host = [*service_checks(stack), disk(stack), read_only_mode(stack)]
    told = [logins(stack), *alerts(stack), *channels(stack)]
    return Findings([*host, *tasks(stack), *backups(stack), *mirror(stack, brief=True), *told])
