"""The registry's web pages."""

from stack_components.ui.component import CONCERN, Ui

__all__ = ["CONCERN", "Ui"]
