"""The console: web pages that show what the registry has, and whether all is well."""

from stack_components.console.component import SPEC, Console

__all__ = ["SPEC", "Console"]
