"""The page of figures: sections are written as a whole, and one that was not measured this time stays as it was."""

from __future__ import annotations

import re

from tools.bench.report import Row, render, replace_section

FIRST = "The first run"
ROWS = [Row("this tree", "fresh clone", "", 512.3, "s"), Row("this tree / the baseline", "", "≤ 0.6", 0.5512, "")]


def titles(page: str) -> list[str]:
    return re.findall(r"(?m)^## (.*)$", page)


def test_a_section_shows_its_rows() -> None:
    page = render([(FIRST, ROWS), ("Other", [Row("other", "", "", 1.0, "s")])])
    assert titles(page) == [FIRST, "Other"]
    assert "| this tree | 512 s |  | fresh clone |\n| this tree / the baseline | 0.55 | ≤ 0.6 |  |\n" in page


def test_a_section_that_was_not_measured_stays_and_one_that_was_is_replaced() -> None:
    before = render([(FIRST, ROWS), ("Other", [])])
    kept = render([("Other", [Row("other", "", "", 1.0, "s")])], before=before, kept=[FIRST])
    assert titles(kept) == [FIRST, "Other"]
    assert "| this tree | 512 s |" in kept
    assert "\n\n## Other\n" in kept
    anew = render([(FIRST, [Row("this tree", "", "", 1.0, "s")]), ("Other", [])], before=before, kept=[FIRST])
    assert titles(anew) == [FIRST, "Other"]
    assert "512" not in anew
    assert titles(render([("Other", [])], before="", kept=[FIRST])) == ["Other"]


def test_one_section_is_replaced_and_all_else_stays() -> None:
    before = render([("Zero", []), (FIRST, ROWS), ("Other", ROWS)])
    page = replace_section(before, FIRST, [Row("this tree", "", "", 1.0, "s")])
    assert titles(page) == ["Zero", FIRST, "Other"]
    assert page.count("512 s") == 1
    assert page.count("1.0 s") == 1
    assert replace_section(page, FIRST, ROWS) == before


def test_a_new_section_comes_first() -> None:
    before = render([("Other", ROWS)])
    page = replace_section(before, FIRST, ROWS)
    assert titles(page) == [FIRST, "Other"]
    assert page.partition("## ")[0] == before.partition("## ")[0]


def test_the_last_section_can_be_replaced() -> None:
    page = render([("Other", ROWS), (FIRST, [])])
    assert replace_section(page, FIRST, ROWS) == render([("Other", ROWS), (FIRST, ROWS)])
