"""A dry run of the mirror: what its next run would do by this catalogue."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Static

from ops.cli.catalogue_ui import text
from ops.cli.catalogue_ui.background import Latest
from ops.cli.catalogue_ui.desk import Desk, Planned

_NONE_HERE = (
    "The mirror of this catalogue is not on this machine, and what it would copy depends on what it has. On its host,"
    " `regops sync plan` shows that; here, an entry's form shows what it matches."
)
_LOOKING = "Asking the registries what they have. Manifests are only looked at, which costs no pulls …"
# Columns of what it costs, and the terminal's from which there is room for them.
_COSTS = (("MANIFESTS", 11), ("BYTES", 17))
_ROOM_FOR_COSTS = 90
_SHARE, _AROUND, _BAR = 0.45, 2, 2


class PlanScreen(Screen[None]):
    """A dry run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "again", "Look again"),
        Binding("escape,q", "back", "Back", key_display="esc"),
    ]
    CSS = """
    PlanScreen #title { height: 1; padding: 0 1; background: $panel; }
    PlanScreen #told { height: auto; padding: 0 1; margin: 1 0; }
    PlanScreen #plan { height: 1fr; background: $background; scrollbar-size-vertical: 1; }
    """

    def __init__(self, desk: Desk) -> None:
        """Name whose."""
        super().__init__()
        self._desk = desk
        self._looking = Latest(self)

    def compose(self) -> ComposeResult:
        """Build it."""
        yield Static("Dry run: what the next `regops sync` would do. Nothing changes", id="title", markup=False)
        yield Static(id="told", markup=False)
        yield DataTable[Any](id="plan", cursor_type="row")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Look."""
        self._table.display = False
        self._table.focus()
        self.action_again()

    @property
    def _table(self) -> DataTable[Any]:
        return self.query_one("#plan", DataTable)

    def action_again(self) -> None:
        """Look, or look again."""
        if not self._desk.mirrors:
            self._say((_NONE_HERE, ""))
            return
        self._say((_LOOKING, text.MUTED))
        self._looking.start(self._desk.plan, self._done, self._failed)

    def _done(self, plan: Planned) -> None:
        table = self._table
        table.clear(columns=True)
        costs = _COSTS if self.size.width >= _ROOM_FOR_COSTS else ()
        room = self.size.width - _BAR - sum(width for _, width in costs) - _AROUND * (2 + len(costs))
        entry = int(room * _SHARE)
        for label, width in (("ENTRY", entry), ("WHAT", room - entry), *costs):
            table.add_column(label, width=max(width, 1))
        for entry_, what, *cost in plan.rows:
            told = [text.cell(one) for one in cost[: len(costs)]]
            table.add_row(text.wrapped(entry_), text.wrapped(what), *told, height=None)
        table.display = bool(plan.rows)
        self._say(*((line, "") for line in plan.summary))

    def _failed(self, error: Exception) -> None:
        self._say((f"✗ {error}", "$text-error"))

    def _say(self, *told: tuple[str, str]) -> None:
        self.query_one("#told", Static).update(text.lines(*told))

    def action_back(self) -> None:
        """Go back."""
        self.dismiss(None)
