"""The first lines of the screen: how many entries there are and where, and why the file cannot be read or written."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from ops.cli.catalogue_ui import text
from ops.cli.catalogue_ui.desk import Desk, Findings


class Heading(Vertical):
    """The first lines."""

    DEFAULT_CSS = """
    Heading { height: auto; }
    Heading #head {
        height: 1; padding: 0 1; background: $panel; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis;
    }
    Heading #trouble { display: none; padding: 0 1; background: $error-muted; color: $text-error; max-height: 4; }
    """

    def compose(self) -> ComposeResult:
        """Build it."""
        yield Static(id="head", markup=False)
        yield Static(id="trouble", markup=False)

    def tell(self, desk: Desk, found: Findings, shown: int) -> None:
        """Say how the catalogue is.

        Args:
            desk: The catalogue.
            found: What is known of its entries.
            shown: How many of them are listed.
        """
        total = len(desk.document.entries)
        parts = [f"{shown} of {total} entries" if shown < total else f"{total} entries"]
        if found.severe:
            parts.append(f"{found.severe} cannot be mirrored so")
        if desk.ahead:
            parts.append("ahead of the repository")
        parts.append(str(desk.file))
        self.query_one("#head", Static).update(text.lines(("  ·  ".join(parts), "")))
        if desk.trouble:
            told = [f"{desk.trouble}. What you see is from before; nothing can be written until that is mended"]
        else:
            severe = [one for one in found.of_file if one.severe]
            told = [f"{desk.document.place(one.line)}: {one.what}; {one.remedy}" for one in severe]
        trouble = self.query_one("#trouble", Static)
        trouble.display = bool(told)
        trouble.update(text.lines(*((one, "") for one in told)))
