"""The list of entries: what it shows and finds, and what its keys do to the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ops.cli.catalogue_ui.pilots import TEXT, before, driven


@driven
async def test_entries_are_listed_and_one_is_shown_as_it_is_written(file: Path) -> None:
    async with before(file) as person:
        assert [row.split()[0] for row in person.rows] == [
            "docker.io/library/postgres",
            "quay.io/org/app:1.2",
            "ghcr.io/org/tool",
        ]
        await person.until("3 entries")
        await person.until("4 - source: docker.io/library/postgres")
        await person.press("down")
        await person.until("12   type: image")


@driven
async def test_a_search_narrows_the_list(file: Path) -> None:
    async with before(file) as person:
        await person.press("slash")
        await person.write("quay")
        assert len(person.rows) == 1
        await person.until("1 of 3 entries")
        await person.press("enter", "d")
        await person.until("Remove quay.io/org/app:1.2")
        await person.press("n", "escape")
        assert len(person.rows) == 3
        await person.press("slash")
        await person.write("duqp")
        await person.until("No entry matches")
        assert file.read_text() == TEXT, "letters are typed there"


@driven
async def test_an_entry_is_removed_after_a_look_at_the_diff_and_comes_back(file: Path) -> None:
    async with before(file) as person:
        await person.press("d")
        await person.until("-  - source: docker.io/library/postgres")
        await person.press("escape")
        assert file.read_text() == TEXT
        await person.press("d", "y")
        assert "postgres" not in file.read_text()
        assert len(person.rows) == 2
        await person.press("u")
        assert file.read_text() == TEXT
        await person.until("6 lines added, 0 removed")
        await person.press("r")
        assert "postgres" not in file.read_text()
        await person.press("r")
        await person.until("there is nothing to redo")


@driven
async def test_all_keys_are_told_where_the_last_line_has_no_room_for_them(file: Path) -> None:
    async with before(file, size=(40, 16)) as person:
        assert "Quit" not in person.sees
        await person.press("question_mark")
        for key in ("a       Add", "⏎       Edit", "r       Redo", "q       Quit", "/       Search"):
            await person.until(key)
        await person.press("escape")
        await person.until("3 entries")


@driven
async def test_an_undo_over_a_change_by_hand_asks_first(file: Path) -> None:
    async with before(file) as person:
        await person.press("d", "y")
        file.write_text(file.read_text() + "# mine\n")
        await person.press("u")
        await person.until("Undo over changes that were made by hand?")
        await person.press("pagedown")
        await person.until("-# mine")
        await person.press("n")
        assert file.read_text().endswith("# mine\n")
        await person.press("u", "y")
        assert file.read_text() == TEXT
        await person.press("r")
        assert file.read_text().endswith("# mine\n")


@driven
async def test_what_is_wrong_stands_at_its_entry_and_can_be_listed_alone(file: Path) -> None:
    file.write_text(TEXT.replace("type: image", "type: image\n    platform: linux/amd64"))
    async with before(file, size=(200, 40)) as person:
        await person.until("1 cannot be mirrored so")
        assert [row[0] for row in person.rows] == ["d", "✗", "g"]
        await person.press("w")
        assert len(person.rows) == 1
        await person.until("✗ catalogue.yml:13: platform: linux/amd64 copies one")


@driven
async def test_a_catalogue_that_is_not_there_yet_begins_here(file: Path) -> None:
    file.unlink()
    async with before(file) as person:
        await person.until("Nothing is mirrored yet")
        await person.press("e", "d")
        await person.press("u")
        await person.until("there is nothing to undo")
        await person.press("a")
        await person.write("alpine")
        await person.press("ctrl+s")
        assert file.read_text().startswith("version: 1\nsync:\n  - source: docker.io/library/alpine\n")


@driven
async def test_a_file_that_cannot_be_read_is_told_and_nothing_is_written_until_it_can(file: Path) -> None:
    async with before(file) as person:
        file.write_text(TEXT + "  - {\n")
        await person.until("is not YAML")
        await person.press("d", "y")
        assert file.read_text() == TEXT + "  - {\n"
        file.write_text(TEXT)
        await person.until("is not YAML", gone=True)
        await person.press("d", "y")
        assert "postgres" not in file.read_text()


@driven
async def test_what_others_write_is_shown_and_the_cursor_stays_at_its_entry(file: Path) -> None:
    async with before(file) as person:
        await person.press("down")
        theirs = "  - source: docker.io/library/redis\n    target: r.example.com/library/redis\n    type: repository\n"
        file.write_text(TEXT.replace("  # databases", f"{theirs}  # databases"))
        await person.until("docker.io/library/redis")
        await person.until("13 - source: quay.io/org/app:1.2")


@driven
async def test_a_removal_is_not_written_over_what_others_have_written_meanwhile(file: Path) -> None:
    async with before(file) as person:
        await person.press("d")
        file.write_text(TEXT + "# theirs\n")
        await person.until(lambda: not person.app.desk.is_stale())
        await person.press("y")
        assert file.read_text() == TEXT + "# theirs\n"
        await person.until("changed by somebody else meanwhile")
        await person.press("d", "y")
        assert "postgres" not in file.read_text()
        assert file.read_text().endswith("# theirs\n")


@pytest.mark.parametrize("size", [(40, 10), (60, 20), (80, 24), (110, 24), (200, 60)], ids=str)
def test_it_fits_every_terminal(file: Path, size: tuple[int, int]) -> None:
    @driven
    async def fits(file: Path) -> None:
        async with before(file, size=size) as person:
            await person.until("docker.io/library/postgres")
            await person.until("catalogue.yml:4", gone=size == (40, 10))
            await person.press("down", "d")
            await person.until("Remove quay.io/org/app:1.2")
            await person.until("Remove (y)")
            await person.press("escape", "e")
            await person.press(*["tab"] * 4)
            assert person.app.focused is not None
            assert person.app.screen.region.contains_region(person.app.focused.region), "what has the keys is seen"

    fits(file=file)
