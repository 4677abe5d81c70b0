"""Management of containers in the browser: Portainer."""

from stack_components.management.component import SPEC, Management

__all__ = ["SPEC", "Management"]
