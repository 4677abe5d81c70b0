"""The registry: CNCF Distribution on the host's file system."""

from stack_components.registry.component import FOLDERS, Registry, secret_files

__all__ = ["FOLDERS", "Registry", "secret_files"]
