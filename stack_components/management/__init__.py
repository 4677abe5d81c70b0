"""Management of containers by web page: Portainer."""

from stack_components.management.component import SPEC, Management

__all__ = ["SPEC", "Management"]
