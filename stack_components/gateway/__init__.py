"""The gateway: issues registry tokens and takes registry events."""

from stack_components.gateway.component import CONCERN, Gateway

__all__ = ["CONCERN", "Gateway"]
