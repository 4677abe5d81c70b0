"""All keys of a screen, for terminals that have no room for them in the last line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from ops.cli.catalogue_ui import text


class KeysScreen(ModalScreen[None]):
    """All keys of the screen below."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter,question_mark", "dismiss", "Back")]
    CSS = """
    KeysScreen { align: center middle; background: $background 60%; }
    KeysScreen VerticalScroll {
        width: 40; max-width: 90%; height: auto; max-height: 90%; padding: 0 2; background: $surface; border: round $accent;
    }
    """

    def __init__(self, keys: Sequence[tuple[str, str]]) -> None:
        """Say what they are.

        Args:
            keys: Each key, with what it does.
        """
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        """Build it."""
        with VerticalScroll():
            yield Static(text.lines(*((f"{key:8}{does}", "") for key, does in self._keys)))
