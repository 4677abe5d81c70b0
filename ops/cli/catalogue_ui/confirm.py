"""A question before something is written: what would change, and yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from ops.cli.catalogue_ui import text


class ConfirmScreen(ModalScreen[bool]):
    """A question."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("n,escape", "answer(False)", "No", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
        Binding("up", "scroll(-1)", show=False),
        Binding("down", "scroll(1)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
        Binding("pagedown", "scroll(10)", show=False),
    ]
    CSS = """
    ConfirmScreen { align: center middle; background: $background 60%; }
    ConfirmScreen #box {
        width: 90%; max-width: 90; height: auto; max-height: 90%; padding: 1 2; background: $surface; border: round $accent;
    }
    ConfirmScreen #question { text-style: bold; }
    ConfirmScreen #note { color: $text-muted; }
    ConfirmScreen #changes { height: auto; max-height: 16; margin: 1 0; scrollbar-size-vertical: 1; }
    ConfirmScreen #buttons { dock: bottom; height: 1; align-horizontal: right; background: $surface; }
    ConfirmScreen Button { margin-left: 2; min-width: 10; }
    ConfirmScreen.-short #changes { max-height: 6; margin: 0; }
    ConfirmScreen.-short #box { padding: 0 1; }
    """

    def __init__(self, question: str, note: str, lines: Sequence[str], yes: str, no: str = "Cancel") -> None:
        """Say what is asked.

        Args:
            question: The question.
            note: What else is to be known; empty for nothing.
            lines: What would change, as a diff.
            yes: What is done.
            no: What is done otherwise.
        """
        super().__init__()
        self._question, self._note, self._lines, self._yes, self._no = question, note, lines, yes, no

    def compose(self) -> ComposeResult:
        """Build it."""
        with Vertical(id="box"):
            yield Static(text.lines((self._question, "")), id="question")
            if self._note:
                yield Static(text.lines((self._note, "")), id="note")
            if self._lines:
                with VerticalScroll(id="changes", can_focus=False):
                    yield Static(text.of_diff(self._lines))
            with Horizontal(id="buttons"):
                yield Button(f"{self._yes} (y)", id="yes", variant="primary", compact=True)
                yield Button(f"{self._no} (n)", id="no", compact=True)

    def action_scroll(self, by: int) -> None:
        """Scroll the changes."""
        for changes in self.query("#changes"):
            changes.scroll_relative(y=by, animate=False)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """Answer by a key."""
        self.dismiss(yes)
