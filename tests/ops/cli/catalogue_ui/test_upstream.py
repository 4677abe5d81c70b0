"""What the form says of upstreams, and a dry run of the mirror: with a real registry behind a front."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from ops.catalogue.document import Item
from ops.cli.catalogue_offer import Answer
from ops.cli.catalogue_ui.desk import Desk
from ops.upstream.budget import Budget
from ops.upstream.line import READ_LIMIT_S
from tests.ops.cli.catalogue_ui.pilots import TEXT, Person, before, driven, mirroring
from tests.upstreams import Front

pytestmark = pytest.mark.system
# To read long lines at once.
SIZE = (200, 40)


async def add(person: Person, front: Front, image: str, tags: str = "") -> None:
    """Type a new entry."""
    await person.press("a")
    await person.write(f"{front.address}/{image}")
    await person.press("tab")
    await person.write("mirror/app")
    await person.press("tab")
    await person.write(tags)


@driven
async def test_what_an_entry_matches_and_costs_is_shown_while_it_is_typed(file: Path, front: Front) -> None:
    front.budget = Budget(100, 54, 21600)
    async with before(file, size=SIZE, offline=False) as person:
        await add(person, front, "library/postgres", r"1[67]\.\d+")
        await person.until("has 17 tags; 10 match: 17.4 17.3")
        await person.until("grants 54 more pulls now")
        await person.press(*["backspace"] * 11)
        await person.write("latest")
        await person.until("1 matches: latest")
        assert front.pulls == 0, "nobody's pulls are spent while somebody types"
        await person.until("^t reads what that costs, which takes up to 2 pulls")
        await person.press("ctrl+t")
        await person.until("1 pulls of")
        assert "53 more pulls now" in person.sees
        assert front.pulls == 1
        await person.press("ctrl+t", "ctrl+s")
        assert f"- source: {front.address}/library/postgres" in file.read_text()
        assert front.pulls == 1


@driven
async def test_where_pulls_are_not_counted_what_an_entry_costs_is_shown_at_once(file: Path, front: Front) -> None:
    async with before(file, size=SIZE, offline=False) as person:
        await add(person, front, "library/postgres", "latest")
        await person.until("1 matches: latest")
        await person.until("costs ")
        assert "^t" not in person.sees.replace("^s", "")


@driven
async def test_what_is_not_there_is_only_written_by_who_wants_that(file: Path, front: Front) -> None:
    async with before(file, size=SIZE, offline=False) as person:
        await add(person, front, "library/postgress")
        await person.press("ctrl+s")
        await person.until("Write it all the same?")
        await person.until("no such repository: library/postgress")
        await person.press("n")
        assert file.read_text() == TEXT
        await person.press("ctrl+s", "y")
        assert "library/postgress" in file.read_text()


@driven
async def test_nobody_waits_for_an_upstream_that_hangs(file: Path, front: Front) -> None:
    front.hang = {"/"}
    began = time.monotonic()
    async with before(file, size=SIZE, offline=False) as person:
        await add(person, front, "library/postgres")
        await person.press("ctrl+s")
        await person.until("asking upstream first")
        assert file.read_text() == TEXT
        await person.press("ctrl+s")
        assert "library/postgres\n    target: r.example.com/mirror/app" in file.read_text()
        await person.press("q")
    assert time.monotonic() - began < READ_LIMIT_S


@driven
async def test_an_answer_to_what_was_typed_before_is_not_shown(file: Path, front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, may_answer, answered, real = list[Item](), threading.Event(), threading.Event(), Desk.answer

    def answer(desk: Desk, item: Item, *, spend: bool) -> Answer:
        asked.append(item)
        found = real(desk, item, spend=spend)
        if "1 matches: latest" in " ".join(found.lines):
            assert may_answer.wait(30)
            answered.set()
        return found

    monkeypatch.setattr(Desk, "answer", answer)
    async with before(file, size=SIZE, offline=False) as person:
        await add(person, front, "library/postgres", "latest")
        await person.until(lambda: bool(asked) and asked[-1].values.get("tags") == {"allow": ["latest"]})
        await person.press(*["backspace"] * 6)
        await person.write(r"15\.\d")
        await person.until("5 match")
        may_answer.set()
        await person.until(answered.is_set)
        for _ in range(10):
            await person.pilot.pause(0.05)
            assert "1 matches" not in person.sees


@driven
async def test_a_dry_run_shows_what_the_next_run_would_do_by_what_is_written(tmp_path: Path, front: Front) -> None:
    root = tmp_path / "host"
    file = mirroring(root, front.address)
    front.budget = Budget(100, 54, 21600)
    async with before(file, size=SIZE, root=root, offline=False) as person:
        await person.until("ahead of the repository")
        await person.press("p")
        await person.until("6 tags to copy")
        await person.until("17.4 17.3 17.2 17.1 17.0 16.4 new")
        await person.until("54 pulls")
        assert front.pulls == 0
        await person.press("escape", "d", "y", "p")
        await person.until("0 tags to copy")


@driven
async def test_without_a_mirror_a_dry_run_says_where_there_is_one(file: Path) -> None:
    async with before(file) as person:
        await person.press("p")
        await person.until("regops sync plan")
        await person.press("escape")
        await person.until("3 entries")
