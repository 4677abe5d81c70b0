"""A difference layer, laid over its base as engines do it, gives exactly the full root file system."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path, PurePosixPath

import pytest

from tools.offline.layers import diff_id, write_difference, write_programs

Entry = tuple[str, int, str]
Member = tarfile.TarInfo | tuple[tarfile.TarInfo, bytes]


def _folder(mode: int = 0o755) -> tarfile.TarInfo:
    info = tarfile.TarInfo()
    info.type, info.mode = tarfile.DIRTYPE, mode
    return info


def _file(content: str, mode: int = 0o644, uid: int = 0) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo()
    info.mode, info.uid, info.size = mode, uid, len(content)
    return info, content.encode()


def _link(target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, target
    return info


def _write(path: Path, members: dict[str, Member]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, member in members.items():
            info, content = member if isinstance(member, tuple) else (member, b"")
            info.name = f"./{name}"
            archive.addfile(info, io.BytesIO(content))
    return path


def _apply(*layers: Path) -> dict[str, Entry]:
    """Lay archives over each other by the rules of the image specification; a missing parent is an error."""
    tree: dict[str, Entry] = {}
    for layer in layers:
        own: dict[str, Entry] = {}
        with tarfile.open(layer) as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                parent, last = str(PurePosixPath(name).parent), PurePosixPath(name).name
                assert parent == "." or parent in own, f"{name} has no parent in its layer"
                if last.startswith(".wh."):
                    gone = str(PurePosixPath(parent) / last.removeprefix(".wh."))
                    tree = {path: entry for path, entry in tree.items() if path != gone and not path.startswith(f"{gone}/")}
                elif member.islnk():
                    own[name] = own[member.linkname.removeprefix("./")]
                else:
                    file = archive.extractfile(member) if member.isreg() else None
                    own[name] = (file.read().decode() if file else member.linkname, member.mode, f"{member.type!r} {member.uid}")
        tree |= own
    return tree


BASE: dict[str, Member] = {
    "etc": _folder(),
    "etc/kept": _file("kept"),
    "etc/changed": _file("old"),
    "etc/given-away": _file("same"),
    "tmp": _folder(0o1777),
    "gone": _folder(),
    "gone/inside": _file("x"),
    "etc/gone": _file("x"),
}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return _write(tmp_path / "base.tar", BASE)


def test_the_layer_over_the_base_is_the_full_file_system(base: Path, tmp_path: Path) -> None:
    full = _write(
        tmp_path / "full.tar",
        {
            "etc": BASE["etc"],
            "etc/kept": BASE["etc/kept"],
            "etc/changed": _file("new"),
            "etc/given-away": _file("same", uid=1),
            "etc/hard": _link("./etc/kept", tarfile.LNKTYPE),
            "etc/soft": _link("kept", tarfile.SYMTYPE),
            "tmp": BASE["tmp"],
            "tmp/new": _folder(0o700),
            "tmp/new/file": _file("x", 0o600),
        },
    )
    layer = tmp_path / "layer.tar"
    write_difference(base, full, layer)
    assert _apply(base, layer) == _apply(full)


def test_what_is_the_same_is_left_out(base: Path, tmp_path: Path) -> None:
    full = _write(tmp_path / "full.tar", BASE | {"tmp/new": _file("x")})
    layer = tmp_path / "layer.tar"
    write_difference(base, full, layer)
    with tarfile.open(layer) as archive:
        assert {member.name: member.mode for member in archive} == {"tmp": 0o1777, "tmp/new": 0o644}


def test_a_layer_of_programs_is_reproducible(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("content")
    layers = [tmp_path / "first.tar", tmp_path / "second.tar"]
    for layer in layers:
        write_programs({"/usr/local/bin/program": program}, 1, layer)
        program.touch()
    assert diff_id(layers[0]) == diff_id(layers[1])
    assert list(_apply(layers[0])) == ["usr", "usr/local", "usr/local/bin", "usr/local/bin/program"]
    assert _apply(layers[0])["usr/local/bin/program"] == ("content", 0o755, "b'0' 0")
