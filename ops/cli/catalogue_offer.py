"""Shows what an entry would match upstream, and cost, before it is saved."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ops.catalogue.document import Item
from ops.catalogue.entry import Entry
from ops.catalogue.errors import EditError
from ops.catalogue.model import Surroundings
from ops.catalogue.names import Name
from ops.catalogue.problems import checked
from ops.catalogue.tag_filter import highest
from ops.cli.catalogue_files import is_of_host
from ops.cli.say import say
from ops.config import HUB, MIRROR_FOLDER, ConfigError, MirrorSettings

if TYPE_CHECKING:
    from ops.stack.stack import Stack
    from ops.tasks.sync.eta import Eta, Speed
    from ops.tasks.sync.offer import Offer
    from ops.upstream.client import Upstream
    from ops.upstream.errors import UpstreamError

_SHOWN = 8
_HOUR_S = 3600
_OFFICIAL = "library/"
# Where the settings of a mirror are not known, its defaults are taken to hold.
_RESERVE = int(MirrorSettings.model_fields["hub_reserve"].default)
_ANYWAY = "--offline writes it all the same"


@dataclass(frozen=True)
class Answer:
    """What upstream says to an entry.

    Attributes:
        lines: What it would match and cost, or why that cannot be shown.
        refusal: Why the entry cannot work so; empty if it can.
        unread: How many pulls it takes to know what it costs, as that was not read.
    """

    lines: tuple[str, ...] = ()
    refusal: str = ""
    unread: int = 0


def show_offer(item: Item, around: Surroundings, file: Path, root: object) -> None:
    """Ask upstream what an entry would bring, and say it; the arguments are those of `answer_of`.

    Raises:
        EditError: There is no such repository or image, or nothing matches.
    """
    answer = answer_of(item, around, file, root)
    if answer.refusal:
        raise EditError(f"{answer.refusal}; {_ANYWAY}")
    for line in answer.lines:
        say(line)


def answer_of(item: Item, around: Surroundings, file: Path, root: object, *, spend: bool = True) -> Answer:
    """Ask upstream what an entry would bring. An upstream that cannot tell now refuses nothing.

    Args:
        item: The entry.
        around: What it was checked against.
        file: The catalogue's file: that of a host is asked for with the host's accounts, any other without.
        root: The stack's folder; None without one.
        spend: Whether to read what images weigh where each manifest is a pull, too.
    """
    # A catalogue is edited, listed and checked without any of that.
    from ops.stack.places import tree_of  # noqa: PLC0415
    from ops.tasks.sync.eta import speed_of  # noqa: PLC0415
    from ops.tasks.sync.offer import FRUGAL, offer_of  # noqa: PLC0415
    from ops.upstream.errors import UpstreamError  # noqa: PLC0415

    one = checked(item, around)
    entry, source = one.entry, one.source
    if entry is None or source is None or not entry.policies.enabled:
        return Answer()
    on_host = is_of_host(file, root)
    try:
        stack = _stack(root) if on_host else None
        reserve = stack.config.sync.hub_reserve if stack and stack.config.sync else _RESERVE
        tree = tree_of(stack) if stack else None
        left = reserve if spend else sys.maxsize
        offer = offer_of(entry, source, one.target, _upstream(stack, source.registry), tree, reserve=left)
        speed = speed_of(_speeds(stack), source.registry)
    except UpstreamError as error:
        if _is_certain(error, source, on_host=on_host):
            return Answer(refusal=str(error))
        return Answer((f"what it matches cannot be shown: {error}",))
    except (ValueError, ConfigError) as error:
        return Answer((f"what it matches cannot be shown: {error}",))
    if not offer.matched:
        some = " ".join(highest(offer.every, _SHOWN))
        return Answer(refusal=f"none of the {len(offer.every):,} tags of {source} matches, which are {some or 'none'}")
    found = _found(offer, entry, source, item.text("target").partition("/")[2])
    unread = FRUGAL if offer.weight is None and offer.budget and not spend else 0
    return Answer((*found, *_costs(offer, source, offer.eta(reserve, speed))), unread=unread)


def _stack(root: object) -> Stack | None:
    from ops.stack.stack import Stack  # noqa: PLC0415

    return Stack(root) if isinstance(root, Path) else None


def _upstream(stack: Stack | None, registry: str) -> Upstream:
    from ops.stack.mirror import upstream_of  # noqa: PLC0415
    from ops.upstream.client import Upstream  # noqa: PLC0415

    return upstream_of(stack, registry) if stack else Upstream(registry)


def _speeds(stack: Stack | None) -> Mapping[str, Speed]:
    """Return how fast copies were, as far as a host remembers it."""
    from ops.tasks.sync.state import DATABASE, MirrorState, MirrorStateError  # noqa: PLC0415

    path = stack.root / MIRROR_FOLDER / DATABASE if stack else None
    if path is None or not path.exists():
        return {}
    try:
        with closing(MirrorState(path)) as state:
            return state.speeds()
    except MirrorStateError:
        return {}


def _is_certain(error: UpstreamError, source: Name, *, on_host: bool) -> bool:
    """Whether an entry cannot work so. Without the host's accounts, a refusal may mean that one of them is needed."""
    from ops.upstream.errors import Cause  # noqa: PLC0415

    open_to_all = source.registry == HUB and source.repository.startswith(_OFFICIAL)
    return error.cause is Cause.MISSING or (error.cause is Cause.REFUSED and (on_host or open_to_all))


def _found(offer: Offer, entry: Entry, source: Name, target: str) -> Iterator[str]:
    if entry.type == "image":
        yield f"{source} is there; goes to {target}"
        return
    count = len(offer.matched)
    yield f"{source} has {len(offer.every):,} tags; {_match(count)}: {' '.join(_some(offer.matched))}"
    if len(offer.kept) < count:
        yield f"  of which the {len(offer.kept)} highest are kept: {' '.join(_some(offer.kept))}"
    yield f"goes to {target}: {len(offer.missing):,} tag{'s' * (len(offer.missing) != 1)} to copy"


def _costs(offer: Offer, source: Name, eta: Eta | None) -> Iterator[str]:
    from ops.cli.printing import size  # noqa: PLC0415
    from ops.cli.sync_output import done_in  # noqa: PLC0415

    weight, budget = offer.weight, offer.budget
    if weight and offer.missing:
        about = "" if weight.exact else "about "
        pulls = f" and {about}{weight.manifests} pulls of {source.registry}" if budget else ""
        yield f"costs {about}{size(weight.size)}{pulls}; {done_in(eta)}"
    if budget:
        window = f" per {budget.window_s / _HOUR_S:g} h" if budget.window_s else ""
        spent = f"; {offer.read} were used to know this" if offer.read else ""
        yield f"{source.registry} grants {budget.remaining} more pulls now, of {budget.limit}{window}{spent}"


def _match(count: int) -> str:
    return "1 matches" if count == 1 else f"{count:,} match"


def _some(tags: Sequence[str]) -> list[str]:
    """Return the first tags and the last one."""
    return list(tags) if len(tags) <= _SHOWN else [*tags[: _SHOWN - 2], "…", tags[-1]]
