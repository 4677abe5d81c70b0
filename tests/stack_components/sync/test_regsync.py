"""The rendered regsync.yml in a real regsync: every key is understood, and what it names is copied."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ops.gateway.registry_rig import EMPTY, MANIFEST_TYPE
from tests.stack_components.sync.sync_rig import SOURCE, Rig, running_rig

pytestmark = pytest.mark.system

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
ENTRIES = [
    {"source": f"{SOURCE}/library/alpine", "tags": [r"3\.\d+|latest"], "deny": [r"3\.9|3\.8"]},
    {"source": f"{SOURCE}/team/tool:1.2", "target": "tools/tool"},
    {"source": f"{SOURCE}/many/platforms"},
    # Laid out by upstream host; patterns that only Go reads; a range of versions; a tag of another name.
    {"source": f"{SOURCE}/team/tool", "target": "quay.io/team/tool", "tags": [r"(?i)V?[[:digit:]]+\pP\Q3\E", "[^[:alpha:].]+"]},
    {"source": f"{SOURCE}/library/alpine", "target": "com.example/alpine", "semver": [">=3.9 <3.21"]},
    {"source": f"{SOURCE}/library/alpine:3.22", "target": "base/alpine:stable"},
]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running_rig(tmp_path_factory.mktemp("rig"), entries=ENTRIES) as running:
        for tag in ("3.8", "3.9", "3.20", "3.22", "3.22-rc1", "latest", "edge", "x3.22"):
            assert running.source.push("library/alpine", tag, None).status_code == 201
        for tag in ("1.2", "1.3"):
            assert running.source.push("team/tool", tag, None).status_code == 201
        push_index(running, "many/platforms", "1.0")
        yield running


def push_index(rig: Rig, repository: str, tag: str) -> None:
    """Push an image for two platforms to the source."""
    members = []
    for architecture in ("amd64", "arm64"):
        rig.source.push(repository, architecture, None)
        content = rig.source.pull(repository, architecture, None).content
        rig.source.request("DELETE", f"/v2/{repository}/manifests/{architecture}")
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        platform = {"os": "linux", "architecture": architecture}
        members.append({"mediaType": MANIFEST_TYPE, "digest": digest, "size": len(content), "platform": platform})
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": members}
    path = f"/v2/{repository}/manifests/{tag}"
    answer = rig.source.request("PUT", path, content=json.dumps(index), headers={"Content-Type": INDEX_TYPE})
    assert answer.status_code == 201


def manifest(rig: Rig, path: str, *, source: bool) -> bytes:
    """Return a manifest from the source, or from the target as anybody may pull it."""
    repository, _, reference = path.rpartition("/")
    headers = {"Accept": f"{MANIFEST_TYPE}, {INDEX_TYPE}"}
    token = None if source else rig.target.token(f"repository:{repository}:pull")
    answer = (rig.source if source else rig.target).request(
        "GET", f"/v2/{repository}/manifests/{reference}", token, headers=headers
    )
    assert answer.status_code == 200, path
    return answer.content


def first_image(tag: str) -> bytes:
    """The manifest that the smallest image has with a tag."""
    blob = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": EMPTY, "size": 2}
    document = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": blob, "layers": [blob], "annotations": {"tag": tag}}
    return json.dumps(document).encode()


def leaves(document: Any, way: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], Any]:
    """Every value of a document by the keys that lead to it."""
    match document:
        case dict():
            items = document.items()
        case list():
            items = dict(enumerate(document)).items()
        case _:
            return {way: document}
    return {where: leaf for key, value in items for where, leaf in leaves(value, (*way, key)).items()}


def test_every_key_that_is_written_is_understood(rig: Rig) -> None:
    written = leaves(yaml.safe_load((rig.folder / "regsync.yml").read_text()))
    understood = leaves(yaml.safe_load(rig.run("regsync", "config").stdout))
    for way, value in written.items():
        got = understood[way]
        if way[-1] == "pass":
            assert got == "password-of-regsync"  # of the file, without the line's end
        else:
            assert got == value or got.removesuffix("0s").removesuffix("0m") == value, way


def test_the_images_that_are_named_are_copied_whole_and_no_others(rig: Rig) -> None:
    assert rig.run("regsync", "once").returncode == 0
    assert rig.tags("library/alpine") == ["3.20", "3.22", "latest"]
    assert rig.tags("tools/tool") == ["1.2"]
    assert rig.tags("many/platforms") == ["1.0"]
    assert rig.tags("quay.io/team/tool") == ["1.3"]
    assert rig.tags("com.example/alpine") == ["3.20", "3.9"]
    assert rig.tags("base/alpine") == ["stable"]
    for here, there in {
        "library/alpine/3.22": "library/alpine/3.22",
        "tools/tool/1.2": "team/tool/1.2",
        "many/platforms/1.0": "many/platforms/1.0",
        "quay.io/team/tool/1.3": "team/tool/1.3",
        "base/alpine/stable": "library/alpine/3.22",
    }.items():
        assert manifest(rig, here, source=False) == manifest(rig, there, source=True)
    for member in json.loads(manifest(rig, "many/platforms/1.0", source=False))["manifests"]:
        assert manifest(rig, f"many/platforms/{member['digest']}", source=False)


def needed(rig: Rig) -> list[str]:
    """What regsync would copy now, by target."""
    checked = rig.run("regsync", "check")
    assert checked.returncode == 0
    lines = map(json.loads, checked.stderr.splitlines())
    return [line["target"].partition("/")[2] for line in lines if line["msg"] == "Image sync needed"]


def test_only_what_changed_is_copied_again(rig: Rig) -> None:
    rig.run("regsync", "once")
    assert needed(rig) == []
    newer = rig.source.pull("library/alpine", "edge", None).content
    path = "/v2/library/alpine/manifests/latest"
    rig.source.request("PUT", path, content=newer, headers={"Content-Type": MANIFEST_TYPE})
    assert needed(rig) == ["library/alpine:latest"]
    rig.run("regsync", "once")
    assert manifest(rig, "library/alpine/latest", source=False) == newer


def test_the_account_may_write_nothing_else(rig: Rig) -> None:
    configuration = rig.folder / "regsync.yml"
    right = configuration.read_text()
    configuration.write_text(right.replace("/tools/tool:1.2", "/other/tool:1.2"))
    try:
        failed = rig.run("regsync", "once")
    finally:
        configuration.write_text(right)
    assert failed.returncode == 1
    assert "unauthorized" in failed.stderr
    assert rig.tags("other/tool") == []


def test_read_only_mode_holds_for_the_mirror_too(rig: Rig) -> None:
    rig.run("regsync", "once")
    rig.source.push("library/alpine", "3.23", None)
    rig.read_only_file.touch()
    try:
        refused = rig.run("regsync", "once")
    finally:
        rig.read_only_file.unlink()
    assert refused.returncode == 1
    assert "this registry is read-only" in refused.stderr
    assert "3.23" not in rig.tags("library/alpine")
    assert rig.run("regsync", "once").returncode == 0
    assert "3.23" in rig.tags("library/alpine")


def test_more_repositories_than_a_token_grants_are_mirrored(tmp_path: Path) -> None:
    # The gateway grants 100 scopes at once; without repoAuth regsync asks for all repositories that it has seen so far.
    entries = [{"source": f"{SOURCE}/team/tool:1", "target": f"many/r{number}"} for number in range(105)]
    with running_rig(tmp_path, entries=entries) as rig:
        rig.source.push("team/tool", "1", None)
        assert rig.run("regsync", "once").returncode == 0
        assert needed(rig) == []


def test_an_image_that_is_pinned_stays_what_it_was(tmp_path_factory: pytest.TempPathFactory) -> None:
    digest = hashlib.sha256(first_image("1.0")).hexdigest()
    entries = [{"source": f"{SOURCE}/team/tool:1@sha256:{digest}", "target": "docker.io/team/tool:pinned"}]
    with running_rig(tmp_path_factory.mktemp("pinned"), entries=entries) as rig:
        for tag in ("1.0", "1.1"):
            rig.source.push("team/tool", tag, None)
            content = rig.source.pull("team/tool", tag, None).content
            rig.source.request("PUT", "/v2/team/tool/manifests/1", content=content, headers={"Content-Type": MANIFEST_TYPE})
            assert rig.run("regsync", "once").returncode == 0
            assert manifest(rig, "docker.io/team/tool/pinned", source=False) == first_image("1.0")
