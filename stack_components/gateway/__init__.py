"""The gateway: issues registry tokens and takes registry events."""

from stack_components.gateway.component import SPEC, Gateway

__all__ = ["SPEC", "Gateway"]
