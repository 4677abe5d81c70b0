"""Names that try to be something else: markup, links, control characters, text that turns around: all are shown as they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.text import Text
from textual.widgets import Static

from ops.cli.catalogue_offer import Answer
from ops.cli.catalogue_ui.desk import Desk, Planned
from ops.cli.catalogue_ui.text import cell, seen
from tests.ops.cli.catalogue_ui.pilots import before, driven

MARKUP = "[bold red]x[/] [@click=app.quit]y[/] [/] $text [link=https://e.example]z"
ENTRIES = f"""\
version: 1
sync:
  - source: "{MARKUP}"
    target: "r.example.com/{MARKUP}"
    type: repository
    tags: {{allow: ["{MARKUP}"]}}
  - source: "a\\e[2J\\u0007\\u202Egpj.exe"
    target: "r.example.com/\\e]0;title\\a"
    type: repository
    zz\u202e: 1
"""
SIZE = (240, 40)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "catalogue.yml"
    path.write_text(ENTRIES)
    return path


def harmless(screen: str) -> None:
    for one in ("\x1b", "\x07", "\u202e"):
        assert one not in screen


@driven
async def test_names_are_shown_as_they_are_everywhere(file: Path) -> None:
    async with before(file, size=SIZE) as person:
        await person.until("cannot be mirrored so")
        assert MARKUP in person.rows[0]
        await person.until(f"→ r.example.com/{MARKUP}")
        await person.press("enter")
        await person.until("is no repository or image")
        assert MARKUP in person.sees
        harmless(person.sees)
        await person.press("escape", "d")
        question = person.app.screen.query_one("#question", Static)
        assert str(question.render()) == f"Remove {MARKUP} -> r.example.com/{MARKUP}?"
        await person.press("escape", "down", "d")
        await person.until("\\x1b[2J\\x07\\u202egpj.exe")
        harmless(person.sees)
        await person.press("y")
        await person.until("removed a\\x1b[2J\\x07\\u202egpj.exe")
        harmless(person.sees)
        await person.press("d", "y")
        await person.until(f"removed {MARKUP}")
        await person.press("u")
        await person.until(lambda: bool(person.rows))
        await person.press("enter", "tab", "tab")
        await person.write("[/]")
        await person.until("[/]")
        harmless(person.sees)
        assert person.app.is_running


@driven
async def test_what_upstreams_and_others_say_is_shown_as_it_is(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = f"{MARKUP} \x1b[31m\u202e"
    monkeypatch.setattr(Desk, "answer", lambda *_, **__: Answer((told,)))
    monkeypatch.setattr(Desk, "mirrors", True)
    monkeypatch.setattr(Desk, "plan", lambda _: Planned((told,), ((told, told, told, told),)))
    async with before(file, size=SIZE, offline=False) as person:
        await person.press("a")
        await person.write("alpine")
        await person.until(f"{MARKUP} \\x1b[31m\\u202e")
        await person.press("escape", "y", "p")
        await person.until(f"{MARKUP} \\x1b[31m\\u202e")
        harmless(person.sees)


@driven
async def test_a_file_whose_errors_have_markup_is_told(file: Path) -> None:
    async with before(file, size=SIZE) as person:
        file.write_text("sync: [{[bold]: [/]}\n")
        await person.until("catalogue.yml:")
        assert person.app.is_running


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb", "a    b"),
        ("\x9b31m", "\\x9b31m"),
        ("\u200bx", "\\u200bx"),
        ("\ud800", "\\ud800"),
        ("größe 日本", "größe 日本"),
        ("\u2028", "\\u2028"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    assert seen(text) == shown
    assert isinstance(cell(text), Text)
