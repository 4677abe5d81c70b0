"""The form of an entry: what it shows before it is saved, where it says what is wrong, and that it loses nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from textual.widgets import Input, TextArea

from ops.cli.catalogue_ui.draft import Draft
from ops.cli.catalogue_ui.form import FormScreen
from tests.ops.cli.catalogue_ui.pilots import TEXT, Person, before, driven

REDIS = """\
  - source: docker.io/library/redis
    target: r.example.com/library/redis
    type: repository
"""
ALPINE = """\
  - source: docker.io/library/alpine
    target: r.example.com/library/alpine
    type: repository
    tags:
      allow:
        - '3\\.\\d+'
        - latest
    x-regops:
      keep_last: 3
"""


async def edit_tags(person: Person, tags: str) -> None:
    """Open the first entry, and replace its tags."""
    await person.press("enter")
    box = person.app.focused
    assert isinstance(box, TextArea), "its tags are what is edited most"
    box.select_all()
    await person.write(tags)


@driven
async def test_an_edit_by_keyboard_alone_changes_the_lines_of_its_entry(file: Path) -> None:
    async with before(file) as person:
        await edit_tags(person, r"17\.\d+")
        await person.until(r"+      allow: ['17\.\d+'] # both")
        await person.until(r"-      allow: ['1[67]\.\d+'] # both")
        assert file.read_text() == TEXT, "nothing is written before it is saved"
        await person.press("tab", "tab", "tab", "backspace")
        await person.write("2")
        await person.until("keep_last: 2")
        await person.press("ctrl+s")
        assert file.read_text() == TEXT.replace("1[67]", "17").replace("keep_last: 6", "keep_last: 2")
        await person.until("wrote docker.io/library/postgres")
        await person.press("u")
        assert file.read_text() == TEXT


@driven
async def test_an_entry_is_added(file: Path) -> None:
    async with before(file) as person:
        await person.press("a")
        await person.press("ctrl+s")
        await person.until("there is nothing to save yet")
        await person.write("alpine")
        await person.press("tab", "tab")
        await person.write("3\\.\\d+\nlatest")
        await person.press("tab", "tab", "tab")
        await person.write("3")
        await person.until("+      keep_last: 3")
        await person.press("ctrl+s")
        assert file.read_text() == TEXT + ALPINE
        await person.until("16 - source: docker.io/library/alpine")


@driven
async def test_where_an_entry_comes_from_and_whether_its_signatures_do(file: Path) -> None:
    async with before(file, size=(160, 50)) as person:
        await person.press("enter", "shift+tab", "shift+tab")
        box = person.app.focused
        assert isinstance(box, Input)
        box.select_all()
        await person.write("public.ecr.aws/docker/library/postgres:17")
        await person.until("type is image, for which regsync ignores tags")
        await person.press("backspace", "backspace", "backspace", *["tab"] * 6)
        await person.write("false")
        await person.press("tab")
        await person.write("true")
        await person.until("+    referrers: true")
        await person.press("ctrl+s")
        written = TEXT.replace("source: docker.io/library/postgres", "source: public.ecr.aws/docker/library/postgres")
        assert file.read_text() == written.replace(
            "keep_last: 6}\n", "keep_last: 6}\n    digestTags: false\n    referrers: true\n"
        )
        await person.press("enter", *["tab"] * 4, *["backspace"] * 5)
        await person.until("-    digestTags: false")
        await person.press("ctrl+s")
        assert "digestTags" not in file.read_text()


@driven
async def test_an_image_whose_tag_changes_has_it_here_too(file: Path) -> None:
    async with before(file, size=(160, 50)) as person:
        await person.press("down", "enter", "shift+tab", "shift+tab", "end", "backspace", "3")
        await person.until("+    target: r.example.com/org/app:1.3")
        await person.press("ctrl+s")
        assert file.read_text() == TEXT.replace("app:1.2", "app:1.3")


@driven
async def test_an_entry_of_the_starter_and_a_template_are_where_others_begin(file: Path) -> None:
    async with before(file) as person:
        await person.press("s")
        await person.until("LinuxServer.io")
        await person.write("library/redis")
        await person.press("enter")
        await person.until("+  - source: docker.io/library/redis")
        await person.press("ctrl+s")
        assert "target: r.example.com/library/redis\n    type: repository\n    tags:\n" in file.read_text()
        await person.press("s")
        await person.write("quay")
        await person.press("down", "enter")
        await person.press("end")
        await person.write("prometheus/prometheus")
        await person.until("+  - source: quay.io/prometheus/prometheus")
        await person.press("ctrl+s")
        assert file.read_text().endswith(
            "  - source: quay.io/prometheus/prometheus\n    target: r.example.com/prometheus/prometheus\n    type: repository\n"
            "    tags:\n      allow:\n        - 'v?\\d+\\.\\d+\\.\\d+'\n    x-regops:\n      keep_last: 3\n"
        )


@pytest.mark.parametrize(
    ("keys", "typed", "field", "told"),
    [
        ((), "No Such", "source", "is no repository or image"),
        ((), "gcr.io/Org/app", "source", "names of repositories are in lower case"),
        (("tab",), "library/postgres", "target", "writes r.example.com/library/postgres, as catalogue.yml:4 does"),
        (("tab", "tab"), "(?!a)", "tags", "look-ahead"),
        (("tab", "tab", "tab"), "a[", "deny", "it ends at"),
        (("tab", "tab", "tab", "tab"), "a..b", "semver", "is no range of versions"),
        (("tab", "tab", "tab", "tab", "tab"), "many", "keep", "is no number"),
        (("tab",) * 6, "yes", "digest_tags", "should be true or false, or empty"),
        (("tab",) * 7, "on", "referrers", "should be true or false, or empty"),
    ],
)
def test_what_is_wrong_is_told_below_its_field_and_not_written(
    file: Path, keys: tuple[str, ...], typed: str, field: str, told: str
) -> None:
    @driven
    async def try_it() -> None:
        async with before(file, size=(160, 50)) as person:
            await person.press("a")
            if keys:
                await person.write("ghcr.io/org/app")
            await person.press(*keys)
            await person.write(typed)
            below = person.app.screen.query_one(f"#field-{field} .told")
            await person.until(lambda: told in " ".join(str(below.render()).split()))
            assert below.display
            await person.press("ctrl+s")
            assert file.read_text() == TEXT
            assert person.app.focused is person.app.screen.query_one(f"#field-{field}").children[1]

    try_it()


@driven
async def test_a_new_file_asks_for_this_registrys_name_at_the_target(file: Path) -> None:
    file.unlink()
    async with before(file, registries=()) as person:
        await person.press("a")
        await person.write("alpine")
        await person.until("write it with this registry's name")
        await person.press("tab")
        await person.write("r.example.com/alpine")
        await person.press("ctrl+s")
        assert "target: r.example.com/alpine\n" in file.read_text()


@driven
async def test_what_was_typed_is_not_lost_by_going_back_or_away(file: Path) -> None:
    async with before(file) as person:
        await edit_tags(person, "latest")
        for key in ("escape", "ctrl+q"):
            await person.press(key)
            await person.until("Leave without saving?")
            await person.press("n")
            await person.until("latest")
        await person.press("escape", "y")
        await person.until("3 entries")
        await person.press("enter", "escape")
        assert "Leave" not in person.sees, "nothing was typed"
        assert file.read_text() == TEXT


@driven
async def test_others_may_write_other_entries_while_one_is_edited(file: Path) -> None:
    async with before(file) as person:
        await edit_tags(person, "latest")
        file.write_text(TEXT + REDIS)
        await person.until("somebody else has just changed catalogue.yml")
        await person.press("ctrl+s")
        assert file.read_text() == (TEXT + REDIS).replace(r"'1[67]\.\d+'", "latest")


@driven
async def test_others_may_write_other_fields_of_the_same_entry(file: Path) -> None:
    async with before(file) as person:
        await edit_tags(person, "latest")
        theirs = TEXT.replace("keep_last: 6", "keep_last: 4")
        file.write_text(theirs)
        await person.until("somebody else has just changed catalogue.yml")
        assert person.app.screen.query_one("#field-keep").children[1].value == "4"  # type: ignore[attr-defined]
        await person.press("ctrl+s")
        assert file.read_text() == theirs.replace(r"'1[67]\.\d+'", "latest")


@driven
async def test_others_may_write_while_the_form_is_just_being_opened(file: Path) -> None:
    async with before(file) as person:
        desk = person.app.desk
        form = FormScreen(desk, Draft.editing(desk.document.entries[0]), lambda: None)
        opened = person.app.push_screen(form)
        file.write_text(TEXT.replace("keep_last: 6", "keep_last: 5"))
        desk.load()
        form.rebase()
        await opened
        await person.until("5")
        await person.press("tab", "tab", "tab", "backspace", "3")
        await person.press("ctrl+s")
        assert file.read_text() == TEXT.replace("keep_last: 6", "keep_last: 3")


@driven
async def test_a_field_that_both_have_changed_says_so_before_it_is_replaced(file: Path) -> None:
    async with before(file) as person:
        await edit_tags(person, "latest")
        file.write_text(TEXT.replace("1[67]", "18"))
        await person.until(r"somebody else has just written here: 18\.\d+")
        await person.until(r"-      allow: ['18\.\d+'] # both")
        await person.press("ctrl+s")
        assert file.read_text() == TEXT.replace(r"'1[67]\.\d+'", "latest")
        await person.press("u")
        assert file.read_text() == TEXT.replace("1[67]", "18"), "theirs is not lost either"


@driven
async def test_an_entry_that_somebody_else_has_removed_can_be_saved_again(file: Path) -> None:
    async with before(file) as person:
        await edit_tags(person, "latest")
        rest = "version: 1\nsync:\n" + "".join(TEXT.splitlines(keepends=True)[9:])
        file.write_text(rest)
        await person.until("somebody else has just removed this entry")
        await person.press("ctrl+s")
        written = file.read_text()
        assert written.startswith(rest)
        assert written.removeprefix(rest).splitlines() == [
            "  - source: docker.io/library/postgres",
            "    target: r.example.com/library/postgres",
            "    type: repository",
            "    tags:",
            "      allow:",
            "        - latest",
            "    x-regops:",
            "      keep_last: 6",
        ]


@driven
async def test_a_change_in_the_very_moment_is_not_written_over(file: Path) -> None:
    async with before(file) as person:
        await edit_tags(person, "latest")
        await person.until("+      allow: [latest] # both")
        file.write_text(TEXT + REDIS)
        person.app.screen.action_save()  # type: ignore[attr-defined]  # before anybody has looked
        assert file.read_text() == TEXT + REDIS
        await person.until("nothing was written")
        await person.press("ctrl+s")
        assert file.read_text() == (TEXT + REDIS).replace(r"'1[67]\.\d+'", "latest")


@driven
async def test_a_file_that_cannot_be_written_keeps_the_form(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(file))

    async with before(file) as person:
        await edit_tags(person, "latest")
        with monkeypatch.context() as patch:
            patch.setattr("ops.catalogue.store.write_atomic", full)
            await person.press("ctrl+s")
        await person.until("No space left on device")
        await person.press("ctrl+s")
        assert file.read_text() == TEXT.replace(r"'1[67]\.\d+'", "latest")
        assert stat.S_IMODE(file.stat().st_mode) == 0o644
