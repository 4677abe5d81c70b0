"""`regops rehearse`: does what may happen, by chance, to a copy made of the newest backup, and looks whether anything is lost."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.printing import print_json
from ops.cli.say import say, telling
from ops.cli.shared import Json, Wait, end_with, stack_of
from ops.runs.task import Outcome
from ops.tasks.rehearse.run import RehearsalOptions, new_seed, rehearse

EXAMPLES = "Examples: `regops rehearse` · `regops rehearse --actions 5000` · `regops rehearse --seed 1f3a5c7e --json`"
_STEPS = {
    "connected": "restoring a sample of the newest backup to a scratch folder …",
    "restored": "starting a registry that only this machine reaches …",
    "serving": "rehearsing …",
}
_EVERY = 50

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EXAMPLES)
def rehearse_(
    context: typer.Context,
    *,
    actions: Annotated[int, typer.Option("--actions", metavar="N", min=1, help="How many actions.")] = 500,
    seed: Annotated[
        str, typer.Option("--seed", metavar="SEED", help="The seed of a rehearsal to do again; without it, a new one.")
    ] = "",
    sample: Annotated[
        int, typer.Option("--sample", metavar="N", min=1, help="How many repositories it begins with, beside the canary's.")
    ] = 5,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Rehearse what may happen to the registry, on a copy.

    A sample of the newest good backup is restored to a scratch folder and served by a registry of its own. There it pushes,
    overwrites, mounts and deletes, mirrors from a second registry, collects garbage, makes snapshots and backups, restores from
    both, kills tasks and the registry in the midst of their work, and cuts the network, as a seed chooses. A model that knows
    only what was acknowledged says what has to be there: every acknowledged push pulls with its digest, what was deleted is
    away, and what was collected comes back. The live registry is neither asked nor touched. The seed is printed first; with it,
    the same is chosen again.
    """
    stack, options = stack_of(context), RehearsalOptions(actions, seed or new_seed(), sample)

    def tell(number: int, did: str) -> None:
        if number % _EVERY == 0:
            say(f"{did} ({number} of {actions})")

    def work() -> Outcome:
        say(f"seed {options.seed}; again with `regops rehearse --actions {actions} --seed {options.seed}`")
        done = rehearse(stack, options, telling(_STEPS), tell)
        if as_json:
            print_json({"report": done.document()})
        else:
            for line in () if done.passed else (*done.last, f"PROBLEM: {done.problem}"):
                typer.echo(line)
            typer.echo(done.summary)
        return Outcome(done.exit_code, done.summary, {"actions": done.actions, "passed": float(done.passed)})

    end_with(stack, "rehearse", work, lock="rehearse", wait_s=wait)
