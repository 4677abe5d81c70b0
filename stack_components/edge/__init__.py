"""The edge: Caddy, the only service with published ports."""

from stack_components.edge.component import CONCERN, NAME, Edge, outputs

__all__ = ["CONCERN", "NAME", "Edge", "outputs"]
