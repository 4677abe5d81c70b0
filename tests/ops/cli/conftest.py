"""A catalogue to work on, and an upstream registry to add entries of: a real one, with tags of a few versions, behind a front."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.cli.catalogue_runs import TEXT, Run
from tests.ops.cli.catalogue_runs import running as running_verbs
from tests.ops.tasks.gc.gc_rig import INDEX, MANIFEST, Client, Image, running
from tests.upstreams import Front

IMAGE = Image("offered")
TAGS = [f"{major}.{minor}" for major in (15, 16, 17) for minor in range(5)] + ["17.1-alpine", "latest"]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A registry with `library/postgres`, and `library/multi` for several platforms."""
    with running(tmp_path_factory.mktemp("offering")) as rig:
        for tag in TAGS:
            assert rig.client.push("library/postgres", tag, IMAGE).status_code == 201
        for tag in ("1", "2"):
            listed = []
            for number in range(4):
                child = Image(f"platform {number} of {tag}")
                assert rig.client.push("library/multi", child.digest, child).status_code == 201
                platform = {"os": "linux" if number < 2 else "unknown", "architecture": str(number)}
                described = {"mediaType": MANIFEST, "digest": child.digest, "size": len(child.manifest)}
                listed.append(described | {"platform": platform})
            index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()
            assert rig.client.push_manifest("library/multi", tag, index, INDEX).status_code == 201
        yield rig.client


@pytest.fixture
def front(registry: Client) -> Iterator[Front]:
    """What is before it."""
    with Front(registry.url).running() as front:
        yield front


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A catalogue of two entries."""
    path = tmp_path / "catalogue.yml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def run(file: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """What runs the verbs of `regops catalogue` on it."""
    # pytest listens to logs, which is what people's messages go to where somebody listens.
    monkeypatch.setattr("ops.cli.say._log", logging.Logger("regops"))
    return running_verbs(file)
