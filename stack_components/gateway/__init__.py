"""The gateway: issues registry tokens, receives registry events and alerts, and holds writes in read-only mode."""

from stack_components.gateway.component import SPEC, Gateway, reload

__all__ = ["SPEC", "Gateway", "reload"]
