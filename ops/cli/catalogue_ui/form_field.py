"""One field of an entry's form: its name, what is typed, and below it what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static, TextArea

from ops.cli.catalogue_ui import text


class FormField(Vertical):
    """One field."""

    DEFAULT_CSS = """
    FormField { height: auto; margin-bottom: 1; }
    FormField .label { color: $text-muted; height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    FormField Input, FormField TextArea { border: none; border-left: outer $surface; padding: 0 1; background: $surface; }
    FormField Input { height: 1; }
    FormField TextArea { height: auto; min-height: 1; max-height: 6; scrollbar-size-vertical: 1; }
    FormField Input:focus, FormField TextArea:focus { border: none; border-left: outer $accent; background: $panel; }
    FormField .told { display: none; height: auto; padding: 0 1; }
    """

    @dataclass
    class Changed(Message):
        """Something was typed."""

        name: str

    def __init__(self, name: str, label: str, value: str, *, placeholder: str = "", many: bool = False) -> None:
        """Say what it is.

        Args:
            name: What the entry calls it.
            label: What people call it.
            value: What it begins with.
            placeholder: What is shown while it is empty.
            many: Whether it has one item a line.
        """
        super().__init__(id=f"field-{name}")
        self.field = name
        self._label = label
        self._box: Input | TextArea
        if many:
            self._box = TextArea(value, placeholder=placeholder, tab_behavior="focus", soft_wrap=True)
        else:
            self._box = Input(value, placeholder=placeholder, select_on_focus=False)

    def compose(self) -> ComposeResult:
        """Build it."""
        yield Static(self._label, classes="label", markup=False)
        yield self._box
        yield Static(classes="told", markup=False)

    @property
    def value(self) -> str:
        """What is typed."""
        return self._box.text if isinstance(self._box, TextArea) else self._box.value

    @value.setter
    def value(self, value: str) -> None:
        if value == self.value:
            return
        with self.prevent(Input.Changed, TextArea.Changed):
            if isinstance(self._box, TextArea):
                self._box.text = value
            else:
                self._box.value = value

    def go(self) -> None:
        """Go there."""
        self._box.focus()

    def tell(self, problems: Sequence[str], doubts: Sequence[str], theirs: str | None) -> None:
        """Say below it what is wrong, what is doubtful, and what somebody else has written there meanwhile."""
        told = [*((f"✗ {one}", "$text-error") for one in problems), *((f"! {one}", "$text-warning") for one in doubts)]
        if theirs is not None:
            other = theirs.replace("\n", " ") or "nothing"
            told.insert(0, (f"! somebody else has just written here: {other}; saving replaces it", "$text-warning"))
        below = self.query_one(".told", Static)
        below.display = bool(told)
        below.update(text.lines(*told))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say so."""
        event.stop()
        self.post_message(self.Changed(self.field))

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Say so."""
        event.stop()
        self.post_message(self.Changed(self.field))
