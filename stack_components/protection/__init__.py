"""Protection: CrowdSec, which reads the edge's log and decides who is banned, and the edge's image that enforces it."""

from stack_components.protection.component import BOUNCER_KEY, SPEC, Protection
from stack_components.protection.edge_image import edge_image

__all__ = ["BOUNCER_KEY", "SPEC", "Protection", "edge_image"]
