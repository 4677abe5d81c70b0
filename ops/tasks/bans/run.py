"""Who is banned at the edge of a stack, and lifting bans."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from docker.errors import DockerException

from ops.core import exit_codes
from ops.runs.task import Outcome
from ops.stack.ban_list import note_bans
from ops.stack.crowdsec import Ban, BansError, CrowdSec, Network, crowdsec, hits
from ops.stack.stack import Stack


@dataclass(frozen=True)
class Banned:
    """Who is banned.

    Attributes:
        bans: What was asked for.
        community: How many bans the community's lists hold; None when that is not known.
    """

    bans: Sequence[Ban]
    community: int | None


def banned(stack: Stack, target: Network | None = None, *, community: bool = False) -> Banned:
    """Return who is banned.

    Args:
        stack: At whose edge.
        target: Only bans that hit this address or network, whoever decided them; None for all.
        community: Also all bans of the community's lists: thousands.

    Raises:
        BansError: CrowdSec does not run, or does not answer.
        EngineError: The Docker engine does not answer.
    """
    with crowdsec(stack) as engine:
        count = engine.community_count()
        return Banned(_hitting(engine, target, count) if target else engine.bans(community=community), count)


def note(stack: Stack) -> Outcome:
    """Write down who is banned, for those who may not ask CrowdSec; return how that ended.

    Raises:
        BansError: CrowdSec, or the Docker engine, does not answer: this run did not do its work, as if another were in its way.
        OSError: It cannot be written.
    """
    try:
        found = banned(stack)
    except (BansError, DockerException) as error:
        raise BansError(str(error), exit_codes.BUSY) from error
    note_bans(stack, found.bans, found.community)
    return Outcome(exit_codes.OK, f"{len(found.bans) or 'nobody'} banned here", {"bans": len(found.bans)})


def unban(stack: Stack, target: Network | None = None, *, dry_run: bool = False) -> Sequence[Ban]:
    """Lift bans, see that they are lifted, and return them.

    Args:
        stack: At whose edge.
        target: All bans that hit this address or network; None for all that were decided here.
        dry_run: Only return which ones that would be.

    Raises:
        BansError: CrowdSec does not run or does not answer, or some are still banned, or banned again.
        EngineError: The Docker engine does not answer.
    """
    with crowdsec(stack) as engine:
        bans = _hitting(engine, target, engine.community_count()) if target else engine.bans()
        if bans and not dry_run:
            engine.lift(bans)
            _check_lifted(engine, bans)
            with contextlib.suppress(OSError):  # they are lifted all the same, and the next run writes it
                note_bans(stack, engine.bans(), engine.community_count())
        return bans


def _hitting(engine: CrowdSec, target: Network, community: int | None) -> Sequence[Ban]:
    """Return the bans that hit an address or network, including those of the community's lists if there are any."""
    return hits(engine.bans(community=community != 0), target)


def _check_lifted(engine: CrowdSec, bans: Sequence[Ban]) -> None:
    values = {ban.value for ban in bans}
    if left := [ban.value for ban in engine.bans(community=any(ban.of_community for ban in bans)) if ban.value in values]:
        raise BansError(f"still banned, or banned again in the meantime: {', '.join(left)}")
