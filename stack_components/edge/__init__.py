"""The edge: Caddy, the only service with published ports."""

from stack_components.edge.component import NAME, SPEC, Edge, outputs, reload

__all__ = ["NAME", "SPEC", "Edge", "outputs", "reload"]
