"""How many pulls an upstream registry still grants, as its answers say: no number of it is known before.

https://docs.docker.com/docker-hub/usage/pulls/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# No registry grants more than that, and Python does not read numbers of any length.
_AMOUNT = re.compile(r"\s*([0-9]{1,18})(?![0-9])\s*(?:;\s*w=([0-9]{1,18})(?![0-9]))?")
_LIMIT, _REMAINING = "ratelimit-limit", "ratelimit-remaining"
# Docker Hub's words for it; its other limit, against abuse, is told in fewer.
_PULL_LIMIT = b"pull rate limit"


@dataclass(frozen=True)
class Budget:
    """What an upstream registry grants.

    Attributes:
        limit: How many pulls in a window; each manifest that is fetched is one, looking at one is none.
        remaining: How many of them are left.
        window_s: How long the window is, in seconds; 0 if it does not say.
    """

    limit: int
    remaining: int
    window_s: int


def budget_of(headers: Mapping[str, str]) -> Budget | None:
    """Return the budget that an answer tells; None if it tells none, so that nothing is limited."""
    limit, remaining = (_AMOUNT.match(headers.get(name, "")) for name in (_LIMIT, _REMAINING))
    if not limit or not remaining:
        return None
    return Budget(int(limit[1]), int(remaining[1]), int(limit[2] or remaining[2] or 0))


def is_pull_limit(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a 429 says that the pulls are used up, which takes hours to pass. The one against abuse passes in seconds."""
    told = budget_of(headers)
    return _PULL_LIMIT in body.lower() or (told is not None and told.remaining == 0)
