"""Shows what an entry would match upstream, and cost, before it is saved."""

from __future__ import annotations

from collections.abc import Sequence
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
from ops.config import HUB, ConfigError

if TYPE_CHECKING:
    from ops.tasks.sync.offer import Offer
    from ops.upstream.client import Upstream
    from ops.upstream.errors import UpstreamError

_SHOWN = 8
_HOUR_S = 3600
_OFFICIAL = "library/"
_ANYWAY = "--offline writes it all the same"


def show_offer(item: Item, around: Surroundings, file: Path, root: object) -> None:
    """Ask upstream what an entry would bring, and say it. An upstream that cannot tell now is only noted.

    Args:
        item: The entry.
        around: What it was checked against.
        file: The catalogue's file: that of a host is asked for with the host's accounts, any other without.
        root: The stack's folder; None without one.

    Raises:
        EditError: There is no such repository or image, or nothing matches.
    """
    # A catalogue is edited, listed and checked without any of that.
    from ops.tasks.sync.offer import offer_of  # noqa: PLC0415
    from ops.upstream.errors import UpstreamError  # noqa: PLC0415

    one = checked(item, around)
    entry, source = one.entry, one.source
    if entry is None or source is None or entry.type == "registry" or not entry.policies.enabled:
        return
    on_host = is_of_host(file, root)
    try:
        offer = offer_of(entry, source, _upstream(root if on_host else None, source.registry))
    except UpstreamError as error:
        if _is_certain(error, source, on_host=on_host):
            raise EditError(f"{error}; {_ANYWAY}") from None
        say(f"what it matches cannot be shown: {error}")
        return
    except (ValueError, ConfigError) as error:
        say(f"what it matches cannot be shown: {error}")
        return
    if not offer.matched:
        some = " ".join(highest(offer.every, _SHOWN))
        raise EditError(f"none of the {len(offer.every):,} tags of {source} matches, which are {some or 'none'}; {_ANYWAY}")
    _say(offer, entry, source, item.text("target").partition("/")[2])


def _upstream(root: object, registry: str) -> Upstream:
    from ops.stack.mirror import upstream_of  # noqa: PLC0415
    from ops.stack.stack import Stack  # noqa: PLC0415
    from ops.upstream.client import Upstream  # noqa: PLC0415

    return upstream_of(Stack(root), registry) if isinstance(root, Path) else Upstream(registry)


def _is_certain(error: UpstreamError, source: Name, *, on_host: bool) -> bool:
    """Whether an entry cannot work so. Without the host's accounts, a refusal may mean that one of them is needed."""
    from ops.upstream.errors import Cause  # noqa: PLC0415

    open_to_all = source.registry == HUB and source.repository.startswith(_OFFICIAL)
    return error.cause is Cause.MISSING or (error.cause is Cause.REFUSED and (on_host or open_to_all))


def _say(offer: Offer, entry: Entry, source: Name, target: str) -> None:
    if entry.type == "image":
        say(f"{source} is there; goes to {target}")
    else:
        count = len(offer.matched)
        say(f"{source} has {len(offer.every):,} tags; {_match(count)}: {' '.join(_some(offer.matched))}")
        if len(offer.kept) < count:
            say(f"  of which the {len(offer.kept)} highest are kept: {' '.join(_some(offer.kept))}")
        say(f"goes to {target}: {len(offer.kept):,} tag{'s' * (len(offer.kept) != 1)} to copy")
    if budget := offer.budget:
        window = f" per {budget.window_s / _HOUR_S:g} h" if budget.window_s else ""
        say(
            f"{source.registry} grants {budget.remaining} more pulls now, of {budget.limit}{window};"
            " an image costs one for each platform and attestation, and one more"
        )


def _match(count: int) -> str:
    return "1 matches" if count == 1 else f"{count:,} match"


def _some(tags: Sequence[str]) -> list[str]:
    """Return the first tags and the last one."""
    return list(tags) if len(tags) <= _SHOWN else [*tags[: _SHOWN - 2], "…", tags[-1]]
