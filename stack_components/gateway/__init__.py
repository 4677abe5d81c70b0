"""The gateway: issues registry tokens and takes registry events."""

from stack_components.gateway.component import FOLDERS, Gateway, parts, secret_files

__all__ = ["FOLDERS", "Gateway", "parts", "secret_files"]
