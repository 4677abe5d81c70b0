"""The tests of the OCI distribution specification: a registry behind its edge answers them like one that stands alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

from infra.paths import cache_folder
from ops.core.process import run
from tests.engine.stacks import TestStack
from tests.ops.tasks.gc.gc_rig import running
from tests.real_programs import open_redis_server
from tools.offline.tools import ensure_conformance

_LIMIT_S = 300.0
# What the edge answers otherwise, by the names of the suite's tests. Not one, and docs/clients.md says so.
DIFFERENCES: Mapping[str, tuple[list[str], list[str]]] = {}
# What the registry itself does not do as the specification wants it; docs/clients.md says what that is.
FAILING = {
    "artifacts-with-subject",
    "empty",
    "index-with-subject",
    "missing-subject",
    "non-distributable-layers",
    "sha512",
    "sha512 blobs",
}


def conformance(registry: str, folder: Path, account: tuple[str, str] | None = None) -> dict[str, list[str]]:
    """Run the suite; return how each of its tests ended. One name may have several, in an order that changes."""
    folder.mkdir()
    environment = {
        "OCI_REGISTRY": registry,
        "OCI_TLS": "disabled",
        "OCI_RESULTS_DIR": str(folder),
        "OCI_LOG": "error",
        # It would use a token for what it was not asked for: those of a mount name two repositories.
        "OCI_CACHE_AUTH": "false",
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
    }
    if account:
        environment |= {"OCI_USERNAME": account[0], "OCI_PASSWORD": account[1]}
    run([ensure_conformance(cache_folder("offline"))], timeout=_LIMIT_S, env=environment, cwd=folder, check=False)
    ended: dict[str, list[str]] = {}
    for case in ElementTree.parse(folder / "junit.xml").iter("testcase"):  # noqa: S314  # made by the suite
        ended.setdefault(case.attrib["name"].partition("/")[2], []).append(case.attrib["status"])
    return {name: sorted(several) for name, several in ended.items()}


def test_the_edge_answers_as_the_registry_does(living: TestStack, tmp_path: Path) -> None:
    outputs = living.outputs
    (tmp_path / "cache").mkdir()
    (tmp_path / "alone").mkdir()
    # With a cache, as every stack has one: what the registry answers to digests that are not sha256 depends on it.
    cache = open_redis_server(tmp_path / "cache")
    with cache as redis, running(tmp_path / "alone", cache=redis.address) as rig, ThreadPoolExecutor() as threads:
        account = (outputs["registry_user"], outputs["registry_pass"])
        edge = threads.submit(conformance, outputs["registry"], tmp_path / "edge-results", account)
        alone = conformance(rig.client.url.removeprefix("http://"), tmp_path / "alone-results")
        behind = edge.result()
    different = {
        name: (alone.get(name, []), behind.get(name, []))
        for name in alone.keys() | behind.keys()
        if alone.get(name) != behind.get(name)
    }
    assert different == DIFFERENCES
    assert sum(ended.count("passed") for ended in behind.values()) > 500
    assert {name.partition("/")[0] for name, ended in behind.items() if "failure" in ended} == FAILING
    assert not any("error" in ended for ended in behind.values())
