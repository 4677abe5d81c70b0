"""The registry's web pages."""

from stack_components.ui.component import SPEC, Ui

__all__ = ["SPEC", "Ui"]
