"""The page of figures: ratios, growth, and sections that are written as a whole or stay as they were."""

from __future__ import annotations

import re

import pytest

from tools.bench.report import Compared, Growth, Row, Table, comparison, curves, render, replace_section

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


def test_what_others_take_is_told_against_ours() -> None:
    row = Compared("see changes", 0.5, original=60.0, plain=0.4, limit=0.25)
    assert row.cells == ("see changes", "500.0 ms", "120", "0.80", "-", "-", "0.50")
    assert Compared("push", 2.0, zot=1.0, megabytes=268.4).cells[1:] == ("134 MB/s", "-", "-", "0.50", "-", "-")
    assert Compared("pull", 4.0, count=1000).cells[1] == "250 a second"


def test_a_comparison_names_the_other_registries_and_explains_itself_below() -> None:
    page = render([("Compared", comparison([Compared("pull", 1.0, olareg=2.5)], below=["One.", "Two."]))])
    assert "| what | ours | the original way | plain tools | zot | olareg | the limit |\n|---|---|---|---|---|---|---|\n" in page
    assert page.endswith("| pull | 1.0 s | - | - | - | 2.50 | - |\n\n- One.\n- Two.\n")


@pytest.mark.parametrize(
    ("small", "large", "exponent", "worse"),
    [
        (2.0, 20.0, 1.0, False),
        (1.0, 1.0, 0.0, False),
        (0.1, 10.0, 2.0, True),
        (1.0, 12.5, 1.097, False),
        (1.0, 12.7, 1.104, True),
    ],
)
def test_growth_has_an_exponent(small: float, large: float, exponent: float, worse: bool) -> None:
    row = Growth("a plan", "tags, 1 → 10", small, large)
    assert row.exponent == pytest.approx(exponent, abs=0.001)
    assert row.worse is worse


def test_growth_that_is_worse_than_in_proportion_is_marked_and_explained() -> None:
    good, bad = Growth("a plan", "tags, 1 → 10", 0.0125, 1.0), Growth("a plan", "blobs, 5 → 50", 1.5, 6.0)
    page = render([("Growth", curves([good, bad], {("a plan", "tags"): "it has to.", ("a plan", "blobs"): "not shown."}))])
    assert "| a plan | tags, 1 → 10 | 12.5 ms | 1.0 s | 80.0 | **1.90**, see below |\n" in page
    assert "| a plan | blobs, 5 → 50 | 1.5 s | 6.0 s | 4.00 | 0.60 |\n" in page
    assert page.endswith("\n\n- a plan, tags, 1 → 10: it has to.\n")


def test_growth_without_a_reason_says_so() -> None:
    page = render([("Growth", curves([Growth("a plan", "tags, 1 → 10", 1.0, 100.0)], {}))])
    assert "nobody knows why yet" in page
    assert "Nothing here grows more than in proportion." in render([("Growth", curves([], {}))])


def test_sections_of_both_kinds_stand_side_by_side() -> None:
    page = render([(FIRST, ROWS), ("Table", Table(("a", "b"), [("1", "2")]))])
    anew = replace_section(page, "Table", Table(("a", "b"), [("3", "4")], below=["Why."]))
    assert titles(anew) == [FIRST, "Table"]
    assert "| 1 | 2 |" not in anew
    assert anew.endswith("| a | b |\n|---|---|\n| 3 | 4 |\n\n- Why.\n")
    assert replace_section(anew, "Table", Table(("a", "b"), [("1", "2")])) == page
