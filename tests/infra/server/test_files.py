"""The table of files: where they go, how they begin, and that the documentation names all."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from infra.paths import PROJECT_FOLDER
from infra.server import HostFile, host_files, host_part
from infra.server.head import HEAD
from infra.server.schedule import schedule
from tests.infra.server.plans import plan

ROOT = PurePosixPath("/srv/stack")


FILES = host_files(ROOT, tasks=schedule(plan()))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path)
def test_a_file_says_who_writes_it(file: HostFile) -> None:
    if not file.path.endswith(".json"):  # JSON knows no comments
        assert re.match(rf"(#!/bin/sh\n)?(#|//) {re.escape(HEAD)}\n", file.text)
    assert file.text.endswith("\n")
    assert re.search(r"[ \t]$", file.text, re.MULTILINE) is None


def test_no_two_files_have_one_path() -> None:
    paths = [file.path for file in FILES]
    assert len(set(paths)) == len(paths)
    assert all(path.startswith(("/etc/", "/usr/local/bin/")) for path in paths)


def test_the_part_holds_every_file_below_its_folder() -> None:
    part = host_part(plan(), ROOT)
    assert part.name == "host"
    assert part.files == {file.path.removeprefix("/"): file.text.encode() for file in FILES}


@pytest.mark.parametrize("ipv6", [True, False])
def test_the_engine_serves_ipv6_when_the_edge_does(ipv6: bool) -> None:
    assert (b"ip6tables" in host_part(plan(ipv6=ipv6)).files["etc/docker/daemon.json"]) is ipv6


def test_the_documentation_names_all_with_their_purpose() -> None:
    text = (PROJECT_FOLDER / "docs" / "server.md").read_text()
    rows = re.findall(r"^\| `(/[^`]+)` \| (.+) \|$", text, re.MULTILINE)
    assert rows == [(file.path, file.purpose) for file in host_files()]
