"""Go is found or installed, and programs come out static and the same each time, whatever the caller's Go settings."""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from infra.paths import cache_folder
from ops.core.process import CommandError, run
from tests.stack_components.protection.engine import cscli_binary
from tools.offline import golang as subject
from tools.offline.golang import Go, GoMain, GoProgram, copy_from_module, ensure_program, find_go, go_build, kept_caches

# A small program of a module that the registry's image needs anyway.
DIGEST = GoProgram("github.com/distribution/distribution/v3", "cmd/digest", "3.1.2")


def _go(folder: Path, version: str) -> Path:
    folder.mkdir()
    path = folder / "go"
    path.write_text(f'#!/bin/sh\ntest "$GOTOOLCHAIN" = local && echo {version}\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("module", "package", "path", "name"),
    [
        ("example.com/tool/v3", "cmd/tool", "example.com/tool/v3/cmd/tool", "tool"),
        ("example.com/tool", "", "example.com/tool", "tool"),
        ("example.com/tool/v3", "", "example.com/tool/v3", "tool"),
    ],
)
def test_a_program_is_named_as_go_does(module: str, package: str, path: str, name: str) -> None:
    program = GoProgram(module, package, "3.0.0")
    assert (program.path, program.name) == (path, name)


@pytest.mark.parametrize("version", ["go1.26.1", "go1.27rc1", "go1.100.2", "go2.0.0"])
def test_a_go_that_is_new_enough_is_taken_from_the_path(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = _go(tmp_path / "bin", version)
    monkeypatch.setenv("PATH", str(go.parent), prepend=":")
    assert find_go(tmp_path) == Go(go)


@pytest.mark.system
@pytest.mark.parametrize("version", ["go1.25.11", "devel"])
def test_instead_of_an_old_go_the_one_from_pypi_is_taken(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(_go(tmp_path / "bin", version).parent), prepend=":")
    go = find_go(cache_folder("offline"))
    assert go.own
    assert run([go.program, "version"], timeout=60).stdout.startswith("go version go1.")


@pytest.mark.system
def test_without_go_the_one_from_pypi_builds_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    go = find_go(cache_folder("offline"))
    assert go.own
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    go_build(go, DIGEST, tmp_path / "out")
    assert sha256(b"content").hexdigest() in run([tmp_path / "out" / "digest"], stdin="content", timeout=10).stdout
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["digest"]
    assert not [path for path in (tmp_path / "home").rglob("*") if path.stat().st_size > 2**20]


@pytest.mark.system
def test_builds_are_static_and_reproducible_whatever_the_callers_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = find_go(cache_folder("offline"))
    first, second = tmp_path / "first", tmp_path / "second"
    go_build(go, DIGEST, first)
    settings = {"GOFLAGS": "-mod=vendor", "GOOS": "windows", "GOARCH": "arm64", "CGO_ENABLED": "1", "GOBIN": "/nowhere"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    go_build(go, DIGEST, second)
    assert (first / "digest").read_bytes() == (second / "digest").read_bytes()
    assert b"/ld-linux" not in (first / "digest").read_bytes()


@pytest.mark.system
def test_the_replacements_of_an_author_hold_and_their_checksums_are_the_authors() -> None:
    built = run([find_go(cache_folder("offline")).program, "version", "-m", cscli_binary()], timeout=60).stdout
    assert re.search(r"=>\tgithub\.com/crowdsecurity/coraza/v3\tv3\.3\.3-crowdsec\.\d+\th1:", built)


@pytest.mark.system
def test_a_program_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = ensure_program(DIGEST, tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")  # nothing is needed a second time, not even Go
    assert ensure_program(DIGEST, tmp_path) == built
    assert built.parent.name.startswith("digest-3.1.2-")


def test_programs_that_differ_are_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(_go: Go, program: GoProgram, folder: Path) -> None:
        (folder / program.name).write_text(repr(program))

    monkeypatch.setattr(subject, "find_go", lambda _cache: Go(tmp_path / "go"))
    monkeypatch.setattr(subject, "go_build", build)
    changes: list[dict[str, Any]] = [
        {},
        {"version": "3.1.1"},
        {"tags": ("one",)},
        {"variables": {"main.version": "1"}},
        {"as_its_author": True},
    ]
    programs = [replace(DIGEST, **change) for change in changes]
    built = [ensure_program(program, tmp_path / "cache") for program in programs]
    assert [path.read_text() for path in built] == [repr(program) for program in programs]


def _fill(cache: Path) -> Path:
    """Stand in for what Go downloads and compiles."""
    folder = cache / "go-caches"
    (folder / "modules").mkdir(parents=True)
    return folder


def test_caches_of_our_own_go_go_away_with_the_last_build(tmp_path: Path) -> None:
    with kept_caches(tmp_path):
        folder = _fill(tmp_path)
        with kept_caches(tmp_path):
            pass
        assert folder.exists()
    assert not folder.exists()


def test_caches_stay_when_a_build_fails_or_is_interrupted_and_serve_the_next_one(tmp_path: Path) -> None:
    folder = _fill(tmp_path)
    for error in (CommandError("no such module"), KeyboardInterrupt()):
        with pytest.raises(type(error)), kept_caches(tmp_path):
            raise error
        assert folder.exists()
    with kept_caches(tmp_path):
        assert folder.exists()
    assert not folder.exists()


def test_builds_of_our_own_go_share_its_caches(tmp_path: Path) -> None:
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text(f'#!/bin/sh\necho "$GOCACHE $GOMODCACHE $GOFLAGS" >> {tmp_path}/calls\nmkdir -p "$GOCACHE"\n')
    go.chmod(0o755)
    with kept_caches(tmp_path):
        for name in ("one", "two"):
            go_build(Go(go, caches=tmp_path / "go-caches"), DIGEST, tmp_path / name)
    caches = f"{tmp_path}/go-caches"
    assert (tmp_path / "calls").read_text().splitlines() == [f"{caches}/builds {caches}/modules -mod=mod -modcacherw"] * 2
    assert not (tmp_path / "go-caches").exists()


@pytest.mark.system
def test_a_main_package_of_ours_is_built_with_the_modules_packages(tmp_path: Path) -> None:
    source = (
        'package main\n\nimport "github.com/distribution/distribution/v3/version"\n\nfunc main() { println(version.Package()) }\n'
    )
    program = GoMain(DIGEST.module, "cmd/hello", DIGEST.version, source=source)
    go_build(find_go(cache_folder("offline")), program, tmp_path)
    assert run([tmp_path / "hello"], timeout=10).stderr == f"{DIGEST.module}\n"
    other = replace(program, replaced={"version": 'package version\n\nfunc Package() string { return "another" }\n'})
    go_build(find_go(cache_folder("offline")), other, tmp_path)
    assert run([tmp_path / "hello"], timeout=10).stderr == "another\n"
    assert [path.name for path in tmp_path.iterdir()] == ["hello"]


@pytest.mark.system
def test_a_version_that_does_not_exist_is_told(tmp_path: Path) -> None:
    go = find_go(cache_folder("offline"))
    with pytest.raises(CommandError, match=r"v3\.999\.0"):
        go_build(go, GoProgram(DIGEST.module, DIGEST.package, "3.999.0"), tmp_path)
    with pytest.raises(CommandError, match=r"v3\.999\.0"):
        copy_from_module(go, DIGEST.module, "3.999.0", "LICENSE", tmp_path)


@pytest.mark.system
def test_a_file_of_a_module_is_copied(tmp_path: Path) -> None:
    copied = copy_from_module(find_go(cache_folder("offline")), DIGEST.module, DIGEST.version, "cmd/digest/main.go", tmp_path)
    assert copied == tmp_path / "main.go"
    assert "package main" in copied.read_text()
