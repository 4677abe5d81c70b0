"""The first screen: all entries, a search, and what one of them says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.coordinate import Coordinate
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Input, Static

from ops.catalogue.document import Item
from ops.catalogue.errors import CatalogueError, EditedByHandError
from ops.catalogue.selection import matching
from ops.cli.catalogue_output import shown
from ops.cli.catalogue_ui import columns, text
from ops.cli.catalogue_ui.background import Latest
from ops.cli.catalogue_ui.confirm import ConfirmScreen
from ops.cli.catalogue_ui.desk import Desk, Findings
from ops.cli.catalogue_ui.detail import NOTHING, WRONG, detail, mark
from ops.cli.catalogue_ui.draft import Draft, same_entry
from ops.cli.catalogue_ui.form import FormScreen
from ops.cli.catalogue_ui.heading import Heading
from ops.cli.catalogue_ui.keys import KeysScreen
from ops.cli.catalogue_ui.picker import PickerScreen
from ops.cli.catalogue_ui.planned import PlanScreen

# How often it is looked whether somebody else has changed the file.
LOOK_S = 1.0
# Columns of the terminal from which the list has what is told of an entry beside it, not below.
WIDE = 110
_LETTERS = {"search", "add", "starter", "edit", "remove", "undo", "redo", "wrong", "plan", "keys"}


class EntriesScreen(Screen[None]):
    """All entries."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", show=False),  # its field says so
        Binding("a", "add", "Add"),
        Binding("s", "starter", "Starter"),
        Binding("enter,e", "edit", "Edit", key_display="⏎"),
        Binding("d,delete", "remove", "Remove", key_display="d"),
        Binding("u", "undo", "Undo"),
        Binding("r", "redo", "Redo"),
        Binding("w", "wrong", "Wrong"),
        Binding("p", "plan", "Plan"),
        Binding("escape", "everything", "All", show=False),
        Binding("q", "app.quit", "Quit"),
        Binding("question_mark", "keys", "All keys", key_display="?", show=False),
    ]
    CSS = """
    EntriesScreen {
        #search { border: none; height: 1; padding: 0 1; margin: 0; background: $surface; }
        #both { layout: vertical; height: 1fr; }
        #entries { height: 2fr; background: $background; scrollbar-size-vertical: 1; }
        #about { height: 1fr; border-top: solid $panel; padding: 0 1; scrollbar-size-vertical: 1; }
        #about:focus { border-top: solid $accent; }
    }
    EntriesScreen.-wide {
        #both { layout: horizontal; }
        #entries { width: 3fr; height: 1fr; }
        #about { width: 2fr; height: 1fr; border-top: none; border-left: solid $panel; }
        #about:focus { border-top: none; border-left: solid $accent; }
    }
    EntriesScreen.-narrow.-short #about { display: none; }
    """

    def __init__(self, desk: Desk) -> None:
        """Name what is shown."""
        super().__init__()
        self._desk = desk
        self._checking = Latest(self)
        self._found = NOTHING
        self._only_wrong = False
        self._rows: list[Item] = []

    def compose(self) -> ComposeResult:
        """Build it."""
        yield Heading()
        yield Input(placeholder="/ to search sources and targets, ? for all keys", id="search", compact=True)
        with Container(id="both"):
            yield DataTable[object](id="entries", cursor_type="row", zebra_stripes=False)
            with VerticalScroll(id="about"):
                yield Static(id="detail", markup=False)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Read the file, and keep looking whether it changes."""
        self.table.focus()
        self._desk.load()
        self._check()
        self.set_interval(LOOK_S, self._look)

    @property
    def table(self) -> DataTable[object]:
        """The entries."""
        return self.query_one("#entries", DataTable)

    @property
    def _table_width(self) -> int:
        # As the style sheet divides it.
        return self.size.width * 3 // 5 if self.size.width >= WIDE else self.size.width

    @property
    def chosen(self) -> Item | None:
        """The entry under the cursor."""
        row = self.table.cursor_row
        return self._rows[row] if 0 <= row < len(self._rows) else None

    # --- what is shown

    def on_resize(self) -> None:
        """Show as many columns as there is room for."""
        self._fill(self.chosen)

    def _look(self) -> None:
        if self._desk.is_stale():
            self._reload()

    def _reload(self) -> None:
        before = self.chosen
        if not self._desk.load():
            return
        self._check(before)
        for screen in self.app.screen_stack:
            if isinstance(screen, FormScreen):
                screen.rebase()

    def _check(self, wanted: Item | None = None) -> None:
        self._found = NOTHING
        self._checking.start(self._desk.findings, lambda found: self._checked(found, wanted), self._broken)
        self._fill(wanted)

    def _checked(self, found: Findings, wanted: Item | None) -> None:
        before, self._found = self._found, found
        if self._only_wrong:
            self._fill(self.chosen or wanted)
            return
        # Drawing thousands of rows anew for a few signs takes a while.
        for row, item in enumerate(self._rows):
            if (sign := mark(item, found)) != mark(item, before):
                self.table.update_cell_at(Coordinate(row, 0), text.cell(*sign))
        self._tell()

    def _broken(self, error: Exception) -> None:
        self._say(f"the entries cannot be checked: {error}", wrong=True)

    def _fill(self, wanted: Item | None) -> None:
        document, table = self._desk.document, self.table
        self._rows = [
            item
            for item in matching(document, self.query_one("#search", Input).value.strip())
            if not self._only_wrong or mark(item, self._found)[0] in WRONG
        ]
        every = columns.begin(table, self._table_width)
        for item in self._rows:
            columns.add(table, item, mark(item, self._found), every=every)
        found = same_entry(document, wanted) if wanted else None
        table.move_cursor(row=next((number for number, item in enumerate(self._rows) if item is found), 0))
        self._tell()

    def _tell(self) -> None:
        self.query_one(Heading).tell(self._desk, self._found, len(self._rows))
        self._show_detail()

    def _show_detail(self) -> None:
        self.query_one("#detail", Static).update(detail(self._desk.document, self.chosen, self._found))

    def on_data_table_row_highlighted(self) -> None:
        """Show the entry under the cursor."""
        self._show_detail()

    def on_data_table_row_selected(self) -> None:
        """Edit it."""
        self.action_edit()

    def on_input_changed(self) -> None:
        """Search."""
        self._fill(self.chosen)

    def on_input_submitted(self) -> None:
        """Go from the search to what it found."""
        self.table.focus()

    # --- what can be done

    def action_search(self) -> None:
        """Go to the search."""
        self.query_one("#search", Input).focus()

    def action_everything(self) -> None:
        """Show all entries again."""
        self._only_wrong = False
        self.query_one("#search", Input).clear()
        self._fill(self.chosen)
        self.table.focus()

    def action_wrong(self) -> None:
        """Show only what is wrong, doubtful, failed or waits; or all again."""
        self._only_wrong = not self._only_wrong
        self._fill(self.chosen)

    def action_add(self) -> None:
        """Write a new entry."""
        self._open(Draft())

    def action_starter(self) -> None:
        """Take an entry of the starter."""
        self.app.push_screen(PickerScreen(), lambda draft: self._open(draft) if draft else None)

    def action_edit(self) -> None:
        """Edit the entry under the cursor."""
        if self.chosen:
            self._open(Draft.editing(self.chosen))

    def _open(self, draft: Draft) -> None:
        self.app.push_screen(FormScreen(self._desk, draft, self._reload), self._saved)

    def _saved(self, item: Item | None) -> None:
        if item:
            self._reload()
            self._fill(item)
            self._say(f"wrote {shown(item)}; u takes it back")

    def action_remove(self) -> None:
        """Remove the entry under the cursor, after a look at what changes."""
        item = self.chosen
        if item is None:
            return
        try:
            change = self._desk.removal(item)
        except CatalogueError as error:
            self._say(str(error), wrong=True)
            return
        question = f"Remove {shown(item)}?"
        deletes = "; `regops catalogue remove ENTRY --images` deletes them, too" if self._desk.of_host else ""

        def done(yes: bool | None) -> None:
            if yes and self._try(lambda: self._desk.write(change)):
                self._say(f"removed {shown(item)}; u brings it back")

        self.app.push_screen(ConfirmScreen(question, f"Its images stay here{deletes}.", change.lines, "Remove"), done)

    def action_undo(self) -> None:
        """Undo the last edit."""
        self._undo(redo=False)

    def action_redo(self) -> None:
        """Undo the last undo."""
        self._undo(redo=True)

    def _undo(self, *, redo: bool) -> None:
        desk, word = self._desk, "redone" if redo else "undone"
        try:
            told = desk.undoing(redo=redo)
            desk.undo(redo=redo)
        except EditedByHandError:
            question, note = "Undo over changes that were made by hand?", "r brings them back."

            def done(yes: bool | None) -> None:
                if yes and self._try(lambda: desk.undo(redo=redo, force=True)):
                    self._say(f"{word}; r brings it back")

            self.app.push_screen(ConfirmScreen(question, note, told, "Undo"), done)
        except (CatalogueError, OSError) as error:
            self._say(str(error), wrong=True)
        else:
            self._reload()
            self._say(f"{word}: {_count(told)}; {'u' if redo else 'r'} reverts that")

    def action_plan(self) -> None:
        """Show what the mirror would do."""
        self.app.push_screen(PlanScreen(self._desk))

    def action_keys(self) -> None:
        """Show all keys."""
        known = [one for one in self.BINDINGS if isinstance(one, Binding)]
        self.app.push_screen(KeysScreen([(self.app.get_key_display(one), one.description) for one in known]))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  # as Textual calls it
        """Offer no letters as keys while somebody types a search."""
        return action not in _LETTERS or not isinstance(self.focused, Input)

    def on_descendant_focus(self) -> None:
        """Offer the keys that there are."""
        self.refresh_bindings()

    def _try(self, write: Callable[[], object]) -> bool:
        """Write something, show the file as it is then, and return whether that went well."""
        try:
            write()
        except (CatalogueError, OSError) as error:
            self._say(str(error), wrong=True)
            return False
        finally:
            self._reload()
        return True

    def _say(self, told: str, *, wrong: bool = False) -> None:
        self.app.notify(text.seen(told), severity="error" if wrong else "information", markup=False)


def _count(lines: Sequence[str]) -> str:
    """Return how many lines a diff adds and removes."""
    added, removed = (sum(line.startswith(mark) and not line.startswith(mark * 3) for line in lines) for mark in "+-")
    return f"{added} lines added, {removed} removed"
