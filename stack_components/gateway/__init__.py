"""The gateway: issues registry tokens and receives registry events."""

from stack_components.gateway.component import SPEC, Gateway

__all__ = ["SPEC", "Gateway"]
