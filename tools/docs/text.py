"""Text of the sources (docstrings, help, descriptions) as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(`[^`]+`)")
_PAGE = re.compile(r"\bdocs/([a-z0-9/-]+\.md(?:#[a-zA-Z0-9-]+)?)")
_URL = re.compile(r"https?://[^\s),;]+[^\s),;.:]")
_ENTRY = re.compile(r"^    (\w+): (.+(?:\n        .+)*)", re.MULTILINE)
_ATTRIBUTES = "\nAttributes:\n"


def prose(text: str) -> str:
    """Return text as Markdown that shows it as it is, but that code stays code, and addresses and pages are links."""
    return "".join(part if part.startswith("`") else _escaped(part) for part in _CODE.split(text))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells are Markdown in one line."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def attributes(docstring: str) -> dict[str, str]:
    """Return what a docstring says of each attribute, one line each."""
    return {name: " ".join(said.split()) for name, said in _ENTRY.findall(docstring.partition(_ATTRIBUTES)[2])}


def _escaped(text: str) -> str:
    text = re.sub(r"[*|\[\]\\]", r"\\\g<0>", text.replace("&", "&amp;").replace("<", "&lt;"))
    return _PAGE.sub(lambda page: f"[{page[0]}]({page[1].lower()})", _URL.sub(r"<\g<0>>", text))
