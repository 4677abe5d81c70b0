"""Management of containers by web page: Portainer."""

from stack_components.management.component import CONCERN, Management

__all__ = ["CONCERN", "Management"]
