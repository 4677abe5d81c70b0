"""The edge: Caddy, the only service with published ports."""

from stack_components.edge.component import FOLDERS, Edge, outputs, parts

__all__ = ["FOLDERS", "Edge", "outputs", "parts"]
