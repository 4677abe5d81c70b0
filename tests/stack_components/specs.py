"""The specs of all components, as the program has them."""

from __future__ import annotations

from stack_components import cache, edge, gateway, management, monitoring, protection, registry, sign_on, sync, ui
from stack_components.spec import ComponentSpec

SPECS: list[ComponentSpec] = [
    component.SPEC for component in (cache, edge, gateway, management, monitoring, protection, registry, sign_on, sync, ui)
]
