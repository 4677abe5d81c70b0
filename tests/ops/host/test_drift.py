"""What is seen of a change made by hand: once for each, and nothing when nobody has touched anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.host.drift import keep_revision, look, main, parts, record, recorded


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host with two installed files and a link, and the revision of their installation."""
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("one")
    record(tmp_path, "release", [tmp_path / "one", tmp_path / "link"])
    record(tmp_path, "secrets", [tmp_path / "two"])
    keep_revision(tmp_path, "first")
    return tmp_path


def _edit(path: Path) -> None:
    path.write_text("by hand")


def _retarget(path: Path) -> None:
    path.unlink()
    path.symlink_to("two")


def test_the_revision_is_that_of_the_installation_while_nothing_has_changed(root: Path) -> None:
    assert look(root) == ("first", [])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("one", _edit),
        ("two", lambda path: path.chmod(0o644 if path.stat().st_mode & 0o777 == 0o600 else 0o600)),
        ("one", Path.unlink),
        ("link", _retarget),
        ("link", Path.unlink),
    ],
    ids=["edited", "opened", "removed", "retargeted", "unlinked"],
)
def test_a_change_by_hand_is_named_and_has_a_revision_of_its_own(root: Path, name: str, change: object) -> None:
    assert callable(change)
    change(root / name)
    revision, changed = look(root)
    assert changed == [str(root / name)]
    assert revision != "first"
    assert look(root) == (revision, changed)  # a preview and the `up` after it see the same


def test_the_same_change_twice_has_two_revisions(root: Path) -> None:
    revisions = ["first"]
    for _ in range(2):
        _edit(root / "one")
        revisions.append(look(root)[0])
        (root / "one").write_text("one")
        record(root, "release", [root / "one", root / "link"])
        keep_revision(root, revisions[-1])
        assert look(root) == (revisions[-1], [])
    assert len(set(revisions)) == 3


def test_a_host_on_which_nothing_was_installed_has_no_revision(tmp_path: Path) -> None:
    assert look(tmp_path) == ("", [])


def test_fingerprints_of_secrets_are_for_their_owner_alone(root: Path) -> None:
    folder = root / "installed"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_what_was_installed_is_known(root: Path) -> None:
    assert recorded(root, "secrets") == [root / "two"]
    assert recorded(root, "nothing") == []


def test_it_prints_what_the_program_reads(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "two").unlink()
    assert parts(root) == {}
    (root / "releases/1").mkdir(parents=True)
    (root / "releases/1/catalogue").symlink_to("../../parts/catalogue-abc")
    (root / "current").symlink_to("releases/1")
    assert main(["--root", str(root)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["parts"] == {"catalogue": "catalogue-abc"}
    assert printed["changed"] == [str(root / "two")]
    assert printed["revision"] == look(root)[0]
