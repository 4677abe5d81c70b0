"""Random edits of catalogues in all shapes change their entry and nothing else; undo gives back the bytes, and redo too."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.catalogue.difference import difference
from ops.catalogue.document import Document, Item
from ops.catalogue.edits import with_changes, with_entries, without_entry
from ops.catalogue.errors import EditError
from ops.catalogue.nodes import Plain
from ops.catalogue.patches import merged
from ops.catalogue.store import KEPT, Store
from tests.ops.catalogue.catalogue_samples import LARGE, SHAPES, generated

STEPS = 14
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in Python it took half of the time of these tests
PATTERNS = (
    r"v?\d+\.\d+",
    "latest",
    "3.20",
    "it's",
    "[a-c]: #",
    "ä|ö",
    "true",
    "12",
    "~",
    "{x}",
    r"(?:a|b)\-rc",
    "- x",
    "*",
    "&a",
    "y",
)


def words(random_: random.Random) -> list[str]:
    return random_.sample(PATTERNS, random_.randint(1, 4))


def new_entry(random_: random.Random, number: int) -> dict[str, Any]:
    tag = random_.choice(["", ":1.2"])
    entry: dict[str, Any] = {
        "source": f"quay.io/new/app-{number}{tag}",
        "target": random_.choice(["r.example.com:5000", '{{ env "REGISTRY" }}', "true"]) + f"/new/app-{number}{tag}",
        "type": "image" if tag else "repository",
    }
    if random_.random() < 0.6:
        entry["tags"] = {key: words(random_) for key in random_.sample(["allow", "deny", "semverRange"], random_.randint(1, 3))}
    if random_.random() < 0.4:
        entry["x-regops"] = {"keep_last": random_.randint(1, 20), "hold": True, "protect": words(random_)}
    return entry


def new_patch(random_: random.Random, entry: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return changes of an entry, some of which say what is there, and some remove what is not."""
    patch: dict[str, Any] = {}
    if random_.random() < 0.3:
        patch["target"] = f"registry.example.com/moved/app-{number}"
    if random_.random() < 0.7:
        tags: dict[str, Any] = {}
        for key in random_.sample(["allow", "deny", "semverRange"], random_.randint(1, 2)):
            there = (entry.get("tags") or {}).get(key) or []
            kept = [one for one in there if isinstance(one, str) and random_.random() < 0.6]
            tags[key] = random_.choice([None, words(random_), kept + [one for one in words(random_) if one not in kept]])
        patch["tags"] = tags
    if random_.random() < 0.5 or not patch:
        patch["x-regops"] = {"keep_last": random_.choice([None, 1, 12]), "hold": random_.choice([None, True])}
    return patch


def written(value: Any) -> Any:
    """Return values as the library is given them: numbers and truth values are words without quotes."""
    match value:
        case dict():
            return {key: written(inner) for key, inner in value.items()}
        case list():
            return [written(inner) for inner in value]
        case bool():
            return Plain(str(value).lower())
        case int():
            return Plain(value)
    return value


def entries_of(text: str) -> list[Any]:
    """What another reader sees in a catalogue."""
    return (yaml.load(text, Loader=LOADER) or {}).get("sync") or []  # noqa: S506  # a safe one


def lines_of(text: str) -> list[str]:
    return text.split("\n")


def changed_lines(before: str, after: str) -> tuple[int, int]:
    """Return the first and the last line of a text, from 1, between which all changes are."""
    old, new = lines_of(before), lines_of(after)
    first = 0
    while first < min(len(old), len(new)) and old[first] == new[first]:
        first += 1
    last = 0
    while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
        last += 1
    return first + 1, len(old) - last


def reach(document: Document, item: Item) -> range:
    """The lines of an entry, and the one after it, where lines are put in."""
    last = document.text.count("\n", 0, item.node.end) + 1
    following = document.text.split("\n")[last:]
    comments = 0
    while comments < len(following) and following[comments].lstrip().startswith("#"):
        comments += 1
    return range(item.line - 1, last + comments + 2)


def step(random_: random.Random, document: Document, number: int) -> tuple[Document, list[Any], Item | None]:
    """Make a random edit; return the new catalogue, what another reader should see in it, and the entry, if it was there."""
    entries = entries_of(document.text)
    kind = random_.choice(["add", "edit", "edit", "remove"]) if document.entries else "add"
    if kind == "add":
        entry = new_entry(random_, number)
        return with_entries(document, [written(entry)]), [*entries, entry], None
    item = random_.choice(document.entries)
    if kind == "remove":
        return without_entry(document, item), [*entries[: item.index], *entries[item.index + 1 :]], item
    patch = new_patch(random_, entries[item.index], number)
    entries[item.index] = merged(entries[item.index], patch)
    return with_changes(document, item, written(patch)), entries, item


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", SHAPES)
def test_an_edit_changes_its_entry_and_undo_gives_the_bytes_back(tmp_path: Path, shape: str, seed: int) -> None:
    random_ = random.Random(f"{shape} {seed}")  # noqa: S311
    store = Store(tmp_path / "catalogue.yml")
    history = [SHAPES[shape].encode()]
    store.path.write_bytes(history[0])
    refused = 0
    for number in range(STEPS):
        document = Document.of(history[-1], store.path)
        try:
            new, expected, item = step(random_, document, number)
        except EditError:
            refused += 1
            continue
        assert entries_of(new.text) == expected
        if new.text == document.text:
            continue
        assert new.text.startswith("\ufeff") == document.text.startswith("\ufeff")
        assert new.text.count("\r\n") == (new.text.count("\n") if "\r\n" in document.text else 0)
        assert not document.text or new.text.endswith("\n") == document.text.endswith("\n")
        if item:
            first, last = changed_lines(document.text, new.text)
            assert {first, last} <= set(reach(document, item)), difference(document.text, new.text, "catalogue.yml")
        elif document.entries:
            assert len([line for line in difference(document.text, new.text, "x") if line.startswith("@@")]) == 1
        store.write(history[-1], new.text.encode())
        history.append(new.text.encode())
    # Only what others name, and what they are made of, cannot always be changed alone.
    assert refused == 0 or shape == "anchors"
    assert len(history) > 3
    back = history[-1 - KEPT :]
    for expected_bytes in reversed(back[:-1]):
        store.undo()
        assert store.path.read_bytes() == expected_bytes
    for expected_bytes in back[1:]:
        store.undo(redo=True)
        assert store.path.read_bytes() == expected_bytes


def test_edits_of_thousands_of_entries_take_about_as_long_as_reading_them(capsys: pytest.CaptureFixture[str]) -> None:
    text = generated()
    started = time.process_time()
    assert len(yaml.load(text, Loader=LOADER)["sync"]) == LARGE  # noqa: S506  # a safe one
    reading = time.process_time() - started
    entry = {"source": "quay.io/a/b", "target": "r.example.com/a/b", "type": "repository"}
    took: dict[str, float] = {}
    for name in ("edit", "add", "remove"):
        started = time.process_time()
        document = Document(text)
        item = document.entries[LARGE // 2]
        match name:
            case "edit":
                new = with_changes(document, item, {"x-regops": {"keep_last": Plain(3)}})
            case "add":
                new = with_entries(document, [entry])
            case _:
                new = without_entry(document, item)
        told = difference(text, new.text, "catalogue.yml")
        took[name] = time.process_time() - started
        assert len([line for line in told if line.startswith("@@")]) == 1
        assert len(told) < 20
    with capsys.disabled():
        print(f"\n{LARGE} entries: read {reading:.2f} s; " + ", ".join(f"{name} {s:.2f} s" for name, s in took.items()))  # noqa: T201
    assert max(took.values()) < 12 * reading


def test_the_lines_between_which_changes_are_are_found() -> None:
    assert changed_lines("a\nb\nc\n", "a\nX\nc\n") == (2, 2)
    assert changed_lines("a\nb\nc\n", "a\nb\nb\nc\n") == (3, 2)
