"""`regops status`: one screen that answers whether all is well."""

from __future__ import annotations

import typer

from ops.cli.shared import Json, print_findings, print_json, stack_of

EXAMPLES = "Examples: `regops status` · `regops status --json` · `watch regops status`"


def status(context: typer.Context, *, as_json: Json = False) -> None:
    """Show what runs, what has run, and what there is room for, in a second and without touching the registry."""
    from ops.core.findings import Findings
    from ops.tasks.doctor.checks.channels import channels
    from ops.tasks.doctor.checks.containers import service_checks
    from ops.tasks.doctor.checks.host import disk, read_only_mode
    from ops.tasks.doctor.checks.tasks import tasks

    stack = stack_of(context)
    findings = Findings([*service_checks(stack), disk(stack), read_only_mode(stack), *tasks(stack), *channels(stack)])
    if as_json:
        print_json({"stack": stack.config.stack, "url": stack.config.url, **findings.document()})
    else:
        print_findings(findings)
        typer.echo(f"{stack.config.url}: {findings.summary}")
    raise typer.Exit(findings.exit_code)
