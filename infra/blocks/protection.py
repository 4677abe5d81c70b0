"""Settings of protection: who is banned, and who never is. How long a ban lasts, CrowdSec's own profile says: four hours."""

from __future__ import annotations

from typing import Annotated

from infra.blocks.addresses import Network, not_everybody
from ops.config import Strict

_SOME = not_everybody("is the whole Internet; to ban nobody, set protection.enabled to false")


class ProtectionSettings(Strict):
    """CrowdSec reads the edge's access log and bans scanners.

    Attributes:
        enabled: Whether it runs.
        allow: Networks that are never banned, such as those of build machines that push many new tags at once.
        community: Whether signals are shared with CrowdSec, and in return the community's blocklist is used.
    """

    enabled: bool = True
    allow: tuple[Annotated[Network, _SOME], ...] = ()
    community: bool = False
