"""The release: digests that tell contents apart, and one tarball for one content."""

from __future__ import annotations

import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.release import Part, Release, digest_of
from ops.host.releases import install_release


def release() -> Release:
    return Release([Part.of_text("edge", {"Caddyfile": "x", "sub/more": "y"}), Part.of_text("cache", {"redis.conf": "z"})])


def test_the_order_does_not_matter() -> None:
    assert digest_of({"a": "1", "b": "2"}) == digest_of({"b": "2", "a": "1"})
    parts = [Part.of_text("a", {"f": "1"}), Part.of_text("b", {"f": "2"})]
    assert Release(parts).digest == Release(reversed(parts)).digest


@pytest.mark.parametrize(
    "other",
    [
        {"a": "2", "b": "2"},
        {"a": "1"},
        {"a": "1", "c": "2"},
        {"a": "1", "b": "2", "c": ""},
        {"a": "2", "b": "1"},
        {"a1": "", "b": "2"},
        {"a": "11:b1:2"},
        {"a1:11:b": "2"},
        {"": "a1", "b": "2"},
        {},
    ],
)
def test_a_change_of_a_path_or_a_content_changes_the_digest(other: dict[str, str]) -> None:
    assert digest_of({"a": "1", "b": "2"}) != digest_of(other)


def test_text_and_its_bytes_are_the_same_content() -> None:
    assert digest_of({"ä": "ö"}) == digest_of({"ä": "ö".encode()})


def test_the_same_file_in_another_part_is_another_release() -> None:
    one = Release([Part.of_text("a", {"f": "1"}), Part.of_text("b", {"f": "2"})])
    other = Release([Part.of_text("a", {"f": "2"}), Part.of_text("b", {"f": "1"})])
    assert one.digest != other.digest


def test_a_part_of_a_folder_holds_its_files_without_compiled_python(tmp_path: Path) -> None:
    for path in ("a.py", "sub/b.py", "sub/c.txt", "__pycache__/a.cpython-311.pyc", "sub/__pycache__/b.pyc"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    assert Part.of_folder("p", tmp_path).files == {path: path.encode() for path in ("a.py", "sub/b.py", "sub/c.txt")}
    assert set(Part.of_folder("p", tmp_path, "**/*.py").files) == {"a.py", "sub/b.py"}


def test_a_part_of_a_large_folder_is_the_same_and_is_read_anew_when_a_file_has_changed(tmp_path: Path) -> None:
    folder, digests = tmp_path / "folder", tmp_path / "digests"
    for path in ("a.py", "sub/b.py", ".hidden", "__pycache__/a.cpython-311.pyc"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)

    def part() -> Part:
        made = Part.of_large_folder("p", folder, digests)
        assert made == Part.of_folder("p", folder)
        return made

    first = part()
    assert set(first.files) == {"a.py", "sub/b.py", ".hidden"}
    (kept,) = digests.iterdir()
    assert part().digest == kept.read_text() == first.digest
    (folder / "sub/b.py").write_text("b.py/sub")
    assert part().digest != first.digest
    (folder / "a.py").rename(folder / "c.py")
    part()


def test_the_same_content_gives_the_same_tarball(tmp_path: Path) -> None:
    previous = os.umask(0o077)
    try:
        one = release().tarball(tmp_path / "one")
    finally:
        os.umask(previous)
    other = release().tarball(tmp_path / "other" / "deeper")
    assert one.name == other.name == f"{release().digest}.tar"
    assert one.read_bytes() == other.read_bytes()


def test_a_tarball_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    path = release().tarball(tmp_path)
    before = path.stat().st_ino
    assert release().tarball(tmp_path).stat().st_ino == before
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_old_tarballs_go_and_those_that_a_run_may_need_stay(tmp_path: Path) -> None:
    def write(number: int) -> Path:
        return Release([Part.of_text("edge", {"Caddyfile": str(number)})]).tarball(tmp_path)

    old = [write(number) for number in range(8)]
    assert sorted(tmp_path.iterdir()) == sorted(old), "written within the hour"
    left = tmp_path / ".a.tar.x.tmp"
    left.write_text("left by a killed run")
    for age, path in enumerate([left, *old]):
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    write(0)  # used again
    new = write(8)
    assert set(tmp_path.iterdir()) == {new, old[0], *old[5:]}


def test_runs_side_by_side_remove_old_tarballs_without_getting_in_each_others_way(tmp_path: Path) -> None:
    for number in range(2000):
        old = tmp_path / f"{number}.tar"
        old.touch()
        os.utime(old, (0, 0))
    releases = [Release([Part.of_text("edge", {"Caddyfile": str(number)})]) for number in range(20)]
    with ThreadPoolExecutor(8) as runs:
        assert len(list(runs.map(lambda one: one.tarball(tmp_path), releases))) == len(releases)
    assert len(list(tmp_path.iterdir())) == len(releases)


def test_a_tarball_holds_parts_and_links_to_them(tmp_path: Path) -> None:
    made = release()
    edge, cache = made.parts["edge"].folder, made.parts["cache"].folder
    with tarfile.open(made.tarball(tmp_path)) as archive:
        members = {member.name: member for member in archive}
        assert list(members) == [
            f"{cache}/redis.conf",
            f"{edge}/Caddyfile",
            f"{edge}/sub/more",
            f"releases/{made.digest}/cache",
            f"releases/{made.digest}/edge",
        ]
        assert members[f"releases/{made.digest}/edge"].linkname == f"../../{edge}"
        assert {member.mtime for member in members.values()} == {0}
        content = archive.extractfile(f"{edge}/sub/more")
        assert content is not None
        assert content.read() == b"y"


def test_a_release_installs_as_it_was_made(tmp_path: Path) -> None:
    made = release()
    assert install_release(tmp_path / "root", made.tarball(tmp_path)) == made.digest
    for part in made.parts.values():
        folder = tmp_path / "root" / "current" / part.name
        assert Part.of_folder(part.name, folder) == part
        assert folder.resolve() == tmp_path / "root" / part.folder
