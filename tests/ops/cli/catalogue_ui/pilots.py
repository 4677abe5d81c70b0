"""The full screen of a catalogue, driven by keys as somebody types them, and read as somebody sees it."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import DataTable

from ops.catalogue.shipped import working_copy
from ops.cli.catalogue_files import around
from ops.cli.catalogue_ui.app import CatalogueApp
from ops.cli.catalogue_ui.desk import Desk
from ops.config import REGOPS_FILE, MirrorSettings, RegopsConfig, render
from ops.core.files import write_atomic
from tests.ops.cli.catalogue_runs import TEXT as TWO_ENTRIES

SIZE = (120, 36)
_PATIENCE_S = 20.0
# A third entry, of which all tags are mirrored.
TEXT = f"""\
{TWO_ENTRIES}  - source: ghcr.io/org/tool
    target: r.example.com/org/tool
    type: repository
"""


def mirroring(root: Path, address: str) -> Path:
    """Make the folder of a stack that mirrors the first entry, from another registry; return its catalogue."""
    mirror = MirrorSettings(into=("library/**",), registries=("r.example.com",))
    config = RegopsConfig(stack="tested", url="https://r.example.com", data="data/regops", sync=mirror)
    write_atomic(root / "current" / REGOPS_FILE, render(config))
    (root / "data/registry").mkdir(parents=True)
    file = working_copy(root)
    write_atomic(file, TEXT.split("  - source: quay", maxsplit=1)[0].replace("docker.io", address))
    return file


def driven(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in a loop of its own. Its fixtures are those that it names."""

    @functools.wraps(test)
    def run(*given: Any, **fixtures: Any) -> None:
        asyncio.run(test(*given, **fixtures))

    return run


@dataclass
class Person:
    """Somebody before the screen."""

    pilot: Pilot[None]

    @property
    def app(self) -> CatalogueApp:
        """The program."""
        assert isinstance(self.pilot.app, CatalogueApp)
        return self.pilot.app

    @property
    def sees(self) -> str:
        """The whole screen, as text."""
        strips = self.app.screen._compositor.render_strips()
        told = "\n".join("".join(segment.text for segment in strip) for strip in strips)
        return "\n".join([told, *(str(one.message) for one in self.app._notifications)])

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def write(self, text: str) -> None:
        """Type a text."""
        await self.press(*("enter" if one == "\n" else "space" if one == " " else one for one in text))

    async def until(self, wanted: str | Callable[[], bool], *, gone: bool = False) -> None:
        """Wait until something is seen; or, with `gone`, not any more."""
        give_up = time.monotonic() + _PATIENCE_S
        while ((wanted in self.sees) if isinstance(wanted, str) else wanted()) == gone:
            assert time.monotonic() < give_up, f"{wanted!r} {'stays' if gone else 'does not come'}:\n{self.sees}"
            await self.pilot.pause(0.05)

    @property
    def rows(self) -> Sequence[str]:
        """The list, a line for each row."""
        table = self.app.screen.query_one(DataTable)
        return [" ".join(str(cell) for cell in table.get_row_at(number)).strip() for number in range(table.row_count)]


def before(
    file: Path,
    *,
    size: tuple[int, int] = SIZE,
    root: Path | None = None,
    offline: bool = True,
    registries: Sequence[str] = ("r.example.com",),
) -> Seat:
    """Sit somebody before the screen of a catalogue."""
    return Seat(CatalogueApp(Desk(file, root, around(file, root, list(registries)), registries, offline=offline)), size)


class Seat(AbstractAsyncContextManager[Person]):
    """A place before a screen."""

    def __init__(self, app: CatalogueApp, size: tuple[int, int]) -> None:
        self._running = app.run_test(size=size, notifications=True)

    async def __aenter__(self) -> Person:
        person = Person(await self._running.__aenter__())
        await person.pilot.pause()
        return person

    async def __aexit__(self, *raised: Any) -> None:
        await self._running.__aexit__(*raised)
