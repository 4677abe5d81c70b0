"""The program: a catalogue on a full screen, by keyboard alone if one likes."""

from __future__ import annotations

import asyncio
import signal
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.theme import Theme

from ops.cli.catalogue_ui.desk import Desk
from ops.cli.catalogue_ui.entries import WIDE, EntriesScreen
from ops.cli.catalogue_ui.form import FormScreen
from ops.core import exit_codes

_TALL = 16


# Calm, with the contrast of text that WCAG asks for (4.5), also of muted one.
THEME = Theme(
    name="regops",
    primary="#5fb3d4",
    secondary="#8fa8b8",
    accent="#7fd1b9",
    foreground="#dde3e8",
    background="#11161b",
    surface="#1a2129",
    panel="#242e38",
    success="#8fce7e",
    warning="#e6c07b",
    error="#f2858c",
    variables={
        "block-cursor-background": "#2f5468",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-blurred-background": "#24323d",
        "block-cursor-blurred-text-style": "none",
        "footer-key-foreground": "#7fd1b9",
        "text-disabled": "#8d979f",
        "scrollbar": "#3a4855",
        "scrollbar-background": "#161c22",
        "scrollbar-hover": "#4b5c6b",
        "scrollbar-active": "#5fb3d4",
    },
)


class CatalogueApp(App[None]):
    """A catalogue on a full screen."""

    TITLE = "regops catalogue"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012  # as Textual declares them
    VERTICAL_BREAKPOINTS = [(0, "-short"), (_TALL, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "quit", "Quit", show=False, priority=True)]
    CSS = """
    Screen { background: $background; }
    Footer { background: $panel; }
    FooterKey.-compact .footer-key--key { padding: 0 1; }
    FooterKey.-compact .footer-key--description { padding: 0; }
    """

    def __init__(self, desk: Desk) -> None:
        """Name what is worked on."""
        super().__init__()
        self.desk = desk

    def on_mount(self) -> None:
        """Show the entries."""
        # Else the program's own handler would raise its exit somewhere within Textual.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._ended)
        self.register_theme(THEME)
        self.theme = THEME.name
        self.push_screen(EntriesScreen(self.desk))

    def _ended(self) -> None:
        self.exit(return_code=exit_codes.TERMINATED)

    async def action_quit(self) -> None:
        """End the program; what is being written asks first."""
        form = next((screen for screen in self.screen_stack if isinstance(screen, FormScreen)), None)
        if form is None or not form.draft.is_changed:
            self.exit()
        elif form is self.screen:
            form.action_leave(then=self.exit)
