"""`regops drill`: tries whether the backups can be restored, and shows and verifies what earlier drills have found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.printing import print_json
from ops.cli.say import say, telling
from ops.cli.shared import Json, Wait, end_with, stack_of
from ops.core import exit_codes
from ops.runs.task import Outcome
from ops.stack.stack import Stack
from ops.tasks.drill.model import DrillOptions, lines_of
from ops.tasks.drill.proof import proofs_of, verified
from ops.tasks.drill.run import drill, preview

EXAMPLES = "Examples: `regops drill` · `regops drill --sample 3` · `regops drill --dry-run` · `regops drill --json`"
_STEPS = {
    "connected": "opening the configuration and the state of services …",
    "opened": "restoring a sample …",
    "restored": "starting a registry that nobody reaches …",
    "serving": "pulling everything from it …",
}

app = typer.Typer(invoke_without_command=True, epilog=EXAMPLES, add_completion=False, rich_markup_mode=None)


@app.callback()
def drill_(
    context: typer.Context,
    *,
    sample: Annotated[int, typer.Option("--sample", metavar="N", min=1, help="How many repositories, beside the canary's.")] = 10,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be tried.")] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Try whether the backups can be restored.

    A sample of the newest good backup is restored to a scratch folder, opened with the second password, and served by a registry
    of the version that the backup is of, which has no network. Every manifest and every blob of the sample is pulled from it and
    compared with its digest, and the tags with what is served now; the configuration, the secrets and the databases are opened.
    The live registry is only asked, as its clients ask it. The report is signed and kept.
    """
    if context.invoked_subcommand is not None:
        return
    stack, options = stack_of(context), DrillOptions(repositories=sample)

    def work() -> Outcome:
        if dry_run:
            return _preview(stack, options, as_json=as_json)
        report = drill(stack, options, telling(_STEPS))
        document = report.document()
        if as_json:
            print_json({"report": document})
        else:
            for line in lines_of(document):
                typer.echo(line)
        return Outcome(report.exit_code, report.summary, report.figures)

    end_with(stack, "drill-plan" if dry_run else "drill", work, lock="drill", wait_s=wait, routine=dry_run)


@app.command("show", epilog="Examples: `regops drill show` · `regops drill show --json`")
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[DRILL]", help="Its name; without it, the last one.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """Show what a drill has found."""
    proofs = proofs_of(stack_of(context))
    proof = proofs.get(name)
    if as_json:
        print_json({"name": proof.name, "key": proof.key, "report": proof.report, "all": proofs.names()})
        return
    for line in lines_of(proof.report):
        typer.echo(line)
    say(f"{proof.name}, signed with the key {proof.key}; {len(proofs.names())} drills are kept in {proofs.folder}")


@app.command("verify", epilog="Examples: `regops drill verify` · `regops drill verify 20260301T050000-1a2b3c4d.json --key KEY`")
def verify(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A report; without it, the last one of this stack.")
    ] = None,
    *,
    key: Annotated[str, typer.Option("--key", metavar="KEY", help="The key that has to have signed it.")] = "",
    as_json: Json = False,
) -> None:
    """Verify that a report of a drill is what was signed.

    Without a file it has to be this stack's own key; with one, that which --key names: `regops drill show` prints it.
    """
    proof = verified(file, key=key) if file else proofs_of(stack_of(context)).get()
    if as_json:
        print_json({"name": proof.name, "key": proof.key, "at": proof.report["at"], "passed": proof.report["passed"]})
        return
    state = "passed" if proof.report["passed"] else "FAILED"
    say(f"{proof.name} is what was signed with the key {proof.key}: a drill of {proof.report['at']} that {state}")


def _preview(stack: Stack, options: DrillOptions, *, as_json: bool) -> Outcome:
    plan = preview(stack, options)
    if as_json:
        print_json({"plan": {"backup": plan.backup.name, "tags": plan.tags, "all_tags": plan.of, "bytes": options.size}})
    else:
        say(f"would restore {len(plan.tags)} of {plan.of} tags from {plan.backup.name}, {options.size} bytes at most")
        for tag in plan.tags:
            typer.echo(tag)
    return Outcome(exit_codes.OK, f"{len(plan.tags)} tags would be tried")
