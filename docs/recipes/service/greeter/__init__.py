"""Says hello."""

from stack_components.greeter.component import SPEC, Greeter

__all__ = ["SPEC", "Greeter"]
