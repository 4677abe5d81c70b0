"""`regops who-is-banned` and `regops unban`: whom the edge refuses and why, and how to lift that."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Annotated

import typer

from ops.cli.printing import print_json, when
from ops.cli.shared import Json, end_with, stack_of
from ops.cli.tables import print_table
from ops.core import exit_codes
from ops.runs.task import Outcome
from ops.stack.crowdsec import LEARNS_WITHIN_S, Ban, BansError
from ops.stack.stack import Stack
from ops.tasks.bans.run import banned, note
from ops.tasks.bans.run import unban as lift

WHO_EXAMPLES = "Examples: `regops who-is-banned` · `regops who-is-banned 203.0.113.7` · `regops who-is-banned --community --json`"
UNBAN_EXAMPLES = "Examples: `regops unban 203.0.113.7` · `regops unban 203.0.113.0/24 --dry-run` · `regops unban --all`"

who = typer.Typer(add_completion=False, rich_markup_mode=None)
unban = typer.Typer(add_completion=False, rich_markup_mode=None)


def _network(text: str | None) -> str | None:
    if text is not None:
        try:
            ip_network(text)
        except ValueError as error:
            raise typer.BadParameter(f"should be an IP address, or a network such as 203.0.113.0/24: {error}") from None
    return text


@who.command(epilog=WHO_EXAMPLES)
def who_is_banned(
    context: typer.Context,
    address: Annotated[
        str | None, typer.Argument(callback=_network, metavar="ADDRESS", help="Only bans that hit this address or network.")
    ] = None,
    *,
    community: Annotated[bool, typer.Option("--community", help="List the community's bans too: thousands.")] = False,
    for_console: Annotated[
        bool, typer.Option("--note", help="Show nothing; write it down for the console, as a server does every five minutes.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show who is banned at the edge, and why.

    Bans of the CrowdSec community's lists are only counted, unless --community is given.
    """
    if for_console:
        stack = stack_of(context)
        end_with(stack, "bans", lambda: note(stack), routine=True)
    found = banned(stack_of(context), ip_network(address) if address else None, community=community)
    if as_json:
        print_json({"bans": [ban.document() for ban in found.bans], "community": found.community})
        return
    if found.bans:
        _print(found.bans)
    if address and not found.bans:
        typer.echo(f"{address} is not banned")
    elif not address:
        here = sum(not ban.of_community for ban in found.bans)
        listed = "?" if found.community is None else found.community
        typer.echo(f"{here or 'nobody'} banned here; {listed} banned by the community's lists")


@unban.command(epilog=UNBAN_EXAMPLES)
def lift_bans(
    context: typer.Context,
    address: Annotated[str | None, typer.Argument(callback=_network, metavar="ADDRESS", help="An address or a network.")] = None,
    *,
    everybody: Annotated[bool, typer.Option("--all", help="Lift all bans that were decided here.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which bans would be lifted.")] = False,
    as_json: Json = False,
) -> None:
    """Lift the bans of an address or a network.

    Bans of networks that contain the address are lifted too. Nothing has to be restarted.
    """
    if (address is None) is not everybody:
        raise typer.BadParameter("should be either an address or --all", param_hint="ADDRESS")
    stack = stack_of(context)

    def work() -> Outcome:
        return _lift(stack, address, dry_run=dry_run, as_json=as_json)

    end_with(stack, "unban-plan" if dry_run else "unban", work, routine=dry_run)


def _lift(stack: Stack, address: str | None, *, dry_run: bool, as_json: bool) -> Outcome:
    bans = lift(stack, ip_network(address) if address else None, dry_run=dry_run)
    if as_json:
        print_json({"lifted": [ban.document() for ban in bans], "dry_run": dry_run})
    elif bans:
        _print(bans)
        within = f"the edge lets them in within {LEARNS_WITHIN_S} s; `protection.allow` in the settings keeps it so"
        typer.echo(f"{len(bans)} would be lifted" if dry_run else f"{len(bans)} lifted: {within}")
    elif address is None:
        typer.echo("nobody is banned here")
    if address and not bans:
        raise BansError(f"{address} is not banned")
    count = f"{len(bans)} {'ban' if len(bans) == 1 else 'bans'}{f' of {address}' if address else ''}"
    return Outcome(exit_codes.OK, f"{count} would be lifted" if dry_run else f"lifted {count}")


def _print(bans: Sequence[Ban]) -> None:
    print_table(
        ["banned", "why", "since", "until", "decided by", "country"],
        [
            (
                ban.value if ban.network else f"{ban.scope} {ban.value}",
                ban.reason if ban.action == "ban" else f"{ban.reason} ({ban.action})",
                when(ban.since),
                when(ban.until),
                ban.origin,
                ban.country,
            )
            for ban in bans
        ],
    )
