"""What a new entry may begin with: a registry's template, or an entry of the starter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Input, Static

from ops.catalogue.document import Item
from ops.catalogue.selection import matching
from ops.catalogue.starter import STARTER, other_catalogue
from ops.catalogue.upstream_templates import TEMPLATES, Template
from ops.cli.catalogue_ui import columns, text
from ops.cli.catalogue_ui.draft import Draft
from ops.cli.catalogue_ui.fields import Fields


class PickerScreen(Screen[Draft | None]):
    """What a new entry may begin with."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", key_display="/"),
        Binding("enter", "take", "Take", key_display="⏎"),
        Binding("escape", "back", "Back"),
    ]
    CSS = """
    PickerScreen #title { height: 1; padding: 0 1; background: $panel; }
    PickerScreen #search { border: none; height: 1; padding: 0 1; background: $surface; }
    PickerScreen #choices { height: 1fr; background: $background; scrollbar-size-vertical: 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._starter = other_catalogue(STARTER)
        self._rows: list[Template | Item] = []

    def compose(self) -> ComposeResult:
        """Build it."""
        yield Static("A registry with tags that make sense there, or an image of the starter", id="title", markup=False)
        yield Input(placeholder="type to search", id="search", compact=True)
        yield DataTable[Any](id="choices", cursor_type="row")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Begin with the search: there are hundreds."""
        self.query_one("#search").focus()
        self._fill()

    def on_resize(self) -> None:
        """Show as many columns as there is room for."""
        self._fill()

    def _fill(self) -> None:
        wanted, table = self.query_one("#search", Input).value.strip(), self.query_one("#choices", DataTable)
        low = wanted.lower()
        templates = [one for one in TEMPLATES if low in f"{one.title} {one.registry}".lower()]
        items = matching(self._starter, wanted)
        self._rows = [*templates, *items]
        every = columns.begin(table, self.size.width)
        for one in templates:
            first = (text.cell("+", "green"), text.cell(f"{one.title}: {one.registry}/…"))
            more = (text.cell(" ".join(one.tags), "dim"), text.cell(f"keep_last {one.keep}" if one.keep else "", "dim"))
            table.add_row(*first, *(more if every else ()))
        for item in items:
            columns.add(table, item, ("", ""), every=every)

    def on_input_changed(self) -> None:
        """Search."""
        self._fill()

    def on_input_submitted(self) -> None:
        """Take what the search found, if that is one; else go there."""
        if len(self._rows) == 1:
            self.action_take()
        else:
            self.query_one("#choices").focus()

    def on_key(self, event: Any) -> None:
        """Go from the search to what it found by the arrow, too."""
        if event.key == "down" and isinstance(self.focused, Input):
            event.stop()
            self.query_one("#choices").focus()

    def on_data_table_row_selected(self) -> None:
        """Take it."""
        self.action_take()

    def action_search(self) -> None:
        """Go to the search."""
        self.query_one("#search").focus()

    def action_take(self) -> None:
        """Begin an entry with what is under the cursor."""
        row = self.query_one("#choices", DataTable).cursor_row
        if not 0 <= row < len(self._rows):
            return
        one = self._rows[row]
        self.dismiss(Draft.taking(one) if isinstance(one, Item) else begun(one))

    def action_back(self) -> None:
        """Take nothing."""
        self.dismiss(None)


def begun(template: Template) -> Draft:
    """Return what somebody begins with who takes a template."""
    fields = Fields(source=f"{template.registry}/", tags="\n".join(template.tags), keep=str(template.keep or ""))
    return Draft(fields, replace(fields))
