"""`regops who-is-banned` and `regops unban`: whom the edge refuses and why, and how that is lifted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.shared import Json, print_json, print_table, stack_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.stack.crowdsec import Ban, CrowdSec, Network

WHO_EXAMPLES = "Examples: `regops who-is-banned` · `regops who-is-banned 203.0.113.7` · `regops who-is-banned --community --json`"
UNBAN_EXAMPLES = "Examples: `regops unban 203.0.113.7` · `regops unban 203.0.113.0/24 --dry-run` · `regops unban --all`"
_NOT_BANNED = 1


def _network(text: str | None) -> str | None:
    import ipaddress

    if text is not None:
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            raise typer.BadParameter(f"should be an IP address, or a network such as 203.0.113.0/24: {error}") from None
    return text


def who_is_banned(
    context: typer.Context,
    address: Annotated[str | None, typer.Argument(callback=_network, help="Only bans of this address or network.")] = None,
    *,
    community: Annotated[bool, typer.Option("--community", help="Also the bans that others have decided: thousands.")] = False,
    as_json: Json = False,
) -> None:
    """Show whom the edge refuses, and why; bans that CrowdSec's community has decided are counted."""
    from ops.stack.crowdsec import crowdsec

    with crowdsec(stack_of(context)) as engine:
        count = engine.community_count()
        bans = _of(engine, address, count) if address else engine.bans(community=community)
    if as_json:
        print_json({"bans": [ban.document() for ban in bans], "community": count})
        return
    if bans:
        _print(bans)
    if address and not bans:
        typer.echo(f"{address} is not banned")
    elif not address:
        here = sum(not ban.of_community for ban in bans)
        typer.echo(f"{here or 'nobody'} banned here; {'?' if count is None else count} banned by the community's lists")


def unban(
    context: typer.Context,
    address: Annotated[str | None, typer.Argument(callback=_network, help="An address or a network.")] = None,
    *,
    everybody: Annotated[bool, typer.Option("--all", help="Lift all bans that were decided here.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show which bans would be lifted.")] = False,
    as_json: Json = False,
) -> None:
    """Lift the bans of an address, those of networks that it is in among them; nobody has to restart anything."""
    from ops.stack.crowdsec import LEARNS_WITHIN_S, BansError, crowdsec

    if (address is None) is not everybody:
        raise typer.BadParameter("should be either an address or --all", param_hint="ADDRESS")
    with crowdsec(stack_of(context)) as engine:
        bans = _of(engine, address, engine.community_count()) if address else engine.bans()
        if bans and not dry_run:
            engine.lift(bans)
            values = {ban.value for ban in bans}
            if left := [ban.value for ban in engine.bans(community=any(ban.of_community for ban in bans)) if ban.value in values]:
                raise BansError(f"still banned, or banned anew meanwhile: {', '.join(left)}")
    if as_json:
        print_json({"lifted": [ban.document() for ban in bans], "dry_run": dry_run})
    elif bans:
        _print(bans)
        within = f"the edge lets them in within {LEARNS_WITHIN_S} s; `protection.allow` in the settings keeps it so"
        typer.echo(f"{len(bans)} would be lifted" if dry_run else f"{len(bans)} lifted: {within}")
    elif address is None:
        typer.echo("nobody is banned here")
    if address and not bans:
        typer.echo(f"regops: {address} is not banned", err=True)
        raise typer.Exit(_NOT_BANNED)


def _of(engine: CrowdSec, address: str, community: int | None) -> Sequence[Ban]:
    """Return the bans of an address, those of the community's lists among them when there are any."""
    from ipaddress import ip_network

    from ops.stack.crowdsec import hits

    target: Network = ip_network(address)
    return hits(engine.bans(community=community != 0), target)


def _print(bans: Sequence[Ban]) -> None:
    print_table(
        ["banned", "why", "since", "until", "decided by", "country"],
        [
            (
                ban.value if ban.network else f"{ban.scope} {ban.value}",
                ban.reason if ban.action == "ban" else f"{ban.reason} ({ban.action})",
                f"{ban.since:%Y-%m-%d %H:%M}Z",
                f"{ban.until:%Y-%m-%d %H:%M}Z",
                ban.origin,
                ban.country,
            )
            for ban in bans
        ],
    )
