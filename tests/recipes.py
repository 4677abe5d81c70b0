"""The recipes of CONTRIBUTING.md as data: which files each step makes or changes, and how, and what checks the whole."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.paths import PROJECT_FOLDER

PAGE = PROJECT_FOLDER / "CONTRIBUTING.md"
# As Markdown has it: two backticks where the code has one, and then spaces that are not part of it.
_CODE = r"(?:`` (?P<{0}_apart>.+?) ``|``(?P<{0}_double>.+?)``|`(?P<{0}>[^`]+)`)"
_LINK = r"\[`?(?P<{0}_name>[^\]`]+)`?\]\((?P<{0}_path>[^)]+)\)"
_STEP = re.compile(rf"{_CODE.format('file')}, (?P<rest>.+)")
_EDIT = re.compile(
    rf"(?:; )?(?P<where>above|below|instead of) {_CODE.format('mark')}: (?:{_CODE.format('text')}|{_LINK.format('text')})"
)
_NEW = re.compile(rf"(?:new: |, ){_LINK.format('text')}")
_END = re.compile(rf"at its end: {_LINK.format('text')}")


@dataclass(frozen=True)
class Edit:
    """One change of one file: a text and where it goes; `new` and `end` need no mark."""

    file: str
    where: str
    text: str
    mark: str = ""

    def make(self, root: Path) -> None:
        """Make it in a copy of the repository.

        Raises:
            AssertionError: The file is there already, or not yet, or has no such line.
        """
        path = root / self.file
        if self.where == "new":
            assert not path.exists(), f"{self.file} is there already"
            path.parent.mkdir(exist_ok=True)
            path.write_text(self.text)
            return
        before = path.read_text()
        path.write_text(before + self.text if self.where == "end" else self._inserted(before))

    def _inserted(self, before: str) -> str:
        if self.where == "instead of":
            assert self.mark in before, f"{self.file} has no {self.mark!r}"
            return before.replace(self.mark, self.text, 1)
        lines = before.splitlines(keepends=True)
        at = next((number for number, line in enumerate(lines) if line.lstrip().startswith(self.mark)), None)
        assert at is not None, f"no line of {self.file} begins with {self.mark!r}"
        indented = len(lines[at]) - len(lines[at].lstrip())
        text = self.text if self.text.endswith("\n") else f"{' ' * indented}{self.text}\n"
        lines.insert(at + (self.where == "below"), text)
        return "".join(lines)


@dataclass(frozen=True)
class Recipe:
    """A recipe: the edits of each of its lines, and the words of its check after `.venv/bin/python -m pytest`."""

    steps: Sequence[Sequence[Edit]]
    check: Sequence[str]

    def follow(self, root: Path, *, without: int = 0) -> None:
        """Do it in a copy of the repository, but for one of its lines, by its number."""
        for number, edits in enumerate(self.steps, 1):
            for edit in edits if number != without else ():
                edit.make(root)


def recipes() -> Mapping[str, Recipe]:
    """Return the recipes that can be followed, by their headings."""
    sections = re.split(r"^### (.+)$", PAGE.read_text(), flags=re.MULTILINE)[1:]
    found = {}
    for heading, text in zip(sections[::2], sections[1::2], strict=True):
        if check := re.search(r"^Check: `\.venv/bin/python -m pytest (.+)`$", text, re.MULTILINE):
            lines = re.findall(r"^\d+\. (.+)$", text, re.MULTILINE)
            found[heading] = Recipe([_edits(line) for line in lines], shlex.split(check[1]))
    return found


def _edits(line: str) -> list[Edit]:
    """Read a line of a recipe.

    Raises:
        AssertionError: It is no such line.
    """
    said = line.partition(" \N{EN DASH} ")[0]
    step = _STEP.fullmatch(said)
    assert step, f"names no file: {line}"
    file, rest = _code(step, "file"), step["rest"]
    if end := _END.fullmatch(rest):
        return [Edit(file, "end", _linked(end))]
    kind = _NEW if rest.startswith("new: ") else _EDIT
    matches = list(kind.finditer(rest))
    assert "".join(match[0] for match in matches) == rest, f"cannot be followed: {line}"
    if kind is _NEW:
        return [Edit(file + match["text_name"], "new", _linked(match)) for match in matches]
    return [Edit(file, match["where"], _code(match, "text") or _linked(match), _code(match, "mark")) for match in matches]


def _code(match: re.Match[str], name: str) -> str:
    return match[f"{name}_apart"] or match[f"{name}_double"] or match[name] or ""


def _linked(match: re.Match[str]) -> str:
    return (PROJECT_FOLDER / match["text_path"]).read_text()
