"""Which mirrored tags are deleted here, by the policies of their entry: pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from ops.catalogue.entry import Policies
from ops.catalogue.patterns import Patterns
from ops.tasks.sync.model import Failure


def surplus(
    policies: Policies,
    copied: Mapping[str, bool],
    *,
    wanted: Collection[str],
    matching: Collection[str],
    upstream: Collection[str],
    is_here: Callable[[str], bool],
) -> tuple[str, ...]:
    """Return the tags that policies let go.

    Only tags that the mirror has copied go, and never those that `protect` names: with `prune`, what left upstream; with
    `keep_last`, what matches and is no longer among the highest versions. Of a repository that has no tags any more nothing
    goes: what is here may be the last copy.

    Args:
        policies: The policies.
        copied: By tag that is remembered, whether the mirror has copied it.
        wanted: The tags that are mirrored now.
        matching: All tags upstream that match.
        upstream: All tags upstream.
        is_here: Whether a tag is here.
    """
    if not upstream:
        return ()
    protected = Patterns([f"(?:{pattern})" for pattern in policies.protect])
    left = policies.prune, [tag for tag in copied if tag not in upstream]
    older = policies.keep_last is not None, [tag for tag in copied if tag in matching and tag not in wanted]
    going = [tag for applies, tags in (left, older) if applies for tag in tags]
    return tuple(sorted(tag for tag in going if copied[tag] and not protected.match(tag) and is_here(tag)))


def refusal(policies: Policies, going: Sequence[str]) -> Failure | None:
    """Return why tags stay although policies let them go: so many at once are rather a mistake."""
    if len(going) <= policies.max_deletes:
        return None
    return Failure(
        f"{len(going)} tags would be deleted here, such as {going[0]}: more than its max_deletes of {policies.max_deletes}",
        "if that is meant, raise x-regops.max_deletes until the next run is over",
    )
