"""`regops sync`: mirrors what the catalogue names, and shows what it would do, and how it fared."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ops.cli.printing import print_json
from ops.cli.say import say
from ops.cli.shared import Json, Wait, end_with, stack_of
from ops.cli.sync_output import plan_document, print_plan, print_report, print_status, status_document
from ops.core import exit_codes
from ops.stack.stack import Stack
from ops.tasks.sync.mirror import mirror_of
from ops.tasks.sync.planned import plan_all
from ops.tasks.sync.status import status_of
from ops.tasks.sync.whole import part_of

EXAMPLES = (
    "Examples: `regops sync` · `regops sync postgres` · `regops sync --force --json` · `regops sync plan` ·"
    " `regops sync status` · `regops sync retry ghcr.io/acme/tool` · `regops sync release node-exporter v1.9.1`"
)
_RUN = "run"


class _Group(TyperGroup):
    """A verb whose first word may be an entry: what is no verb of it is one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put in the verb that mirrors where none was typed."""
        if not args or (args[0] not in self.commands and args[0] not in {"-h", "--help"}):
            args = [_RUN, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_Group, no_args_is_help=False, epilog=EXAMPLES, add_completion=False, rich_markup_mode=None)

_Entries = Annotated[
    list[str] | None, typer.Argument(metavar="ENTRY", help="Its source or target, a part of one, or its line, as in :14.")
]
_Entry = Annotated[str, typer.Argument(metavar="ENTRY", help="Its source or target, a part of one, or its line, as in :14.")]


@app.callback()
def describe() -> None:
    """Mirror what the catalogue names.

    `regops sync` looks at each entry every six hours, copies what is new or moved upstream, and tells how each fared. Registries
    are asked by themselves, all at once: one that hangs holds up no other. What fails is tried again by later runs, and after
    five of them once a day.

    Without a verb it runs; `regops sync run --help` shows what it takes: entries, --force, --wait and --json.
    """


@app.command(_RUN, epilog=EXAMPLES)
def run(
    context: typer.Context,
    entries: _Entries = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Also entries that are not due, at any time of day.")] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Mirror all entries that are due, or those that are named."""
    # A plan is made in less time than all of that takes to import.
    from ops.runs.task import Outcome  # noqa: PLC0415
    from ops.tasks.sync.concluded import concluded  # noqa: PLC0415
    from ops.tasks.sync.run import MIRROR_LOCK, SYNC, sync, waits_for_window  # noqa: PLC0415

    stack = stack_of(context)
    _require(stack, entries)

    def work() -> Outcome:
        with mirror_of(stack) as mirror:
            wanted = mirror.named(entries or ())
            if not (force or entries) and waits_for_window(mirror):
                say(f"copies nothing until its window: {mirror.settings.window} UTC; --force does so now")
                return Outcome(exit_codes.OK, "outside of its window")
            report = sync(mirror, wanted, force=force or bool(entries), tell=say)
            print_json({"report": report.document()}) if as_json else print_report(report)
            return concluded(mirror, report, say)

    end_with(stack, SYNC if not entries else "sync-entries", work, lock=MIRROR_LOCK, wait_s=wait)


@app.command("plan", epilog="Examples: `regops sync plan` · `regops sync plan postgres --json` · `regops sync plan --bytes`")
def plan(
    context: typer.Context,
    entries: _Entries = None,
    *,
    exact: Annotated[
        bool, typer.Option("--bytes", help="Read manifests to know sizes and pulls exactly; each is a pull.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what would be copied, and what it would cost.

    It costs nothing itself: manifests are only looked at, and what images weigh is guessed from those that are here. With --bytes
    they are read, as far as that leaves the pulls that are kept for people.
    """
    with mirror_of(stack_of(context)) as mirror:
        found = plan_all(mirror, mirror.named(entries or ()), say, exact=exact)
        print_json({"plan": plan_document(found, mirror.settings.hub_reserve)}) if as_json else print_plan(found, mirror.settings)
    raise typer.Exit(exit_codes.WARNINGS if any(one.failure for one in found.entries) else exit_codes.OK)


def _require(stack: Stack, names: list[str] | None) -> None:
    """Refuse names of no entry before the run begins: whoever mistypes one has not made the mirror fail."""
    if names:
        with mirror_of(stack) as mirror:
            mirror.named(names)


@app.command("status", epilog="Examples: `regops sync status` · `regops sync status --all` · `regops sync status --json`")
def status(
    context: typer.Context,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also what is well.")] = False,
    as_json: Json = False,
) -> None:
    """Show how the entries fare: which failed, wait, or are quarantined, since when and why."""
    with mirror_of(stack_of(context)) as mirror:
        found = status_of(mirror)
        print_json({"mirror": status_document(found)}) if as_json else print_status(found, everything=everything)


@app.command("retry", epilog="Examples: `regops sync retry ghcr.io/acme/tool`, then `regops sync`")
def retry(context: typer.Context, entry: _Entry) -> None:
    """Take an entry out of quarantine: the next run looks at it again."""
    with mirror_of(stack_of(context)) as mirror:
        (found,) = mirror.named([entry])
        mirror.state.retry(found)
        say(f"{found.name} is due; `regops sync {found.name}` mirrors it now")


@app.command("release", epilog="Examples: `regops sync release quay.io/prometheus/node-exporter v1.9.1`")
def release(
    context: typer.Context,
    entry: _Entry,
    tag: Annotated[str, typer.Argument(metavar="TAG", help="The tag that is held; of a whole registry REPOSITORY:TAG.")],
) -> None:
    """Let a held tag go where upstream has moved it."""
    with mirror_of(stack_of(context)) as mirror:
        (found,) = mirror.named([entry])
        if found.registry:
            repository, _, tag = tag.rpartition(":")
            found = part_of(found, repository)
        digest = mirror.state.release(found, tag)
        if digest is None:
            say(f"{found.name} has no tag {tag} that was ever seen upstream; `regops sync plan {found.name}` shows what is held")
            raise typer.Exit(exit_codes.FAILED)
        say(f"{tag} may become {digest}; `regops sync {found.name}` copies it now")
