"""Diffs of catalogues are those that patch(1) understands."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from ops.catalogue.difference import difference
from ops.core.process import run


def test_an_unchanged_text_has_none() -> None:
    assert difference("a\n", "a\n", "x") == []
    assert difference("", "", "x") == []


def test_a_missing_end_of_the_last_line_is_told() -> None:
    assert difference("a\nb", "a\nc", "x")[2:] == [
        "@@ -1,2 +1,2 @@",
        " a",
        "-b",
        "\\ No newline at end of file",
        "+c",
        "\\ No newline at end of file",
    ]


def test_lines_are_counted_from_the_first() -> None:
    before = "".join(f"{number}\n" for number in range(1, 101))
    assert difference(before, before.replace("50\n", "x\ny\n"), "x")[2] == "@@ -47,7 +47,8 @@"


@pytest.mark.skipif(not shutil.which("patch"), reason="needs patch(1)")
@pytest.mark.parametrize("seed", range(12))
def test_patch_makes_the_one_of_the_other(tmp_path: Path, seed: int) -> None:
    random_ = random.Random(seed)  # noqa: S311
    old = [random_.choice(["a", "b", "  type: image", str(number)]) for number in range(random_.choice([0, 1, 5, 60]))]
    new = list(old)
    for _ in range(random_.randint(1, 3)):
        place = random_.randint(0, len(new))
        new[place : place + random_.randint(0, 3)] = ["new"] * random_.randint(0, 2)
    before, after = ("\n".join(lines) + random_.choice(["\n", ""]) * bool(lines) for lines in (old, new))
    (tmp_path / "x").write_text(before)
    told = difference(before, after, "x")
    if told:
        run(["patch", "--posix", "-p1"], timeout=20, cwd=tmp_path, stdin="\n".join([*told, ""]))
    assert ((tmp_path / "x").read_text() if (tmp_path / "x").exists() else "") == after
