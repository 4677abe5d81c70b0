"""What mirrored images are used for: a tree as the registry makes it, and pulls as the access log has them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from ops.registry.tree import RegistryTree
from ops.stack.access_log import Pulls
from ops.tasks.sync.plan import Known
from ops.tasks.sync.usage import STALE_S, report_of
from tests.ops.tasks.gc.gc_rig import Image, running
from tests.ops.tasks.sync.entries_for_tests import entry

pytestmark = pytest.mark.system
NOW = 1_000_000_000.0


def test_what_is_never_pulled_comes_first_with_what_it_alone_takes_up(tmp_path: Path) -> None:
    shared, own = Image("shared"), Image("own")
    with running(tmp_path) as rig:
        for repository, image in (("org/used", shared), ("org/idle", own), ("org/twin", shared), ("team/pushed", shared)):
            assert rig.client.push(repository, "1", image).is_success
        used, idle, twin, absent = (entry(f"quay.io/org/{name}") for name in ("used", "idle", "twin", "absent"))
        pulls = {"org/used": Pulls(Counter({"1": 2, shared.digest: 3, "sha256:" + "0" * 64: 9}), NOW - 60, 12_345)}
        known = {used.key: {"1": Known(shared.digest, NOW)}, idle.key: {"1": Known(own.digest, NOW - STALE_S - 1)}}
        report = report_of(
            [used, idle, twin, absent], RegistryTree(rig.tree.root), pulls, lambda one: known.get(one.key, {}), NOW - 99
        )
    first, second, third, last = report.entries
    assert [one.entry for one in report.entries] == [
        "quay.io/org/idle",
        "quay.io/org/absent",
        "quay.io/org/twin",
        "quay.io/org/used",
    ]
    weight = sum(map(len, own.blobs)) + len(own.manifest)
    assert (first.tags, first.size, first.frees, first.pulls, first.last_pull) == (1, weight, weight, 0, None)
    assert first.is_stale(NOW)
    assert (second.tags, second.size) == (0, 0)
    assert (third.tags, third.frees, third.pulls) == (1, 0, 0), "another repository has it, too"
    assert (last.pulls, last.sent, last.last_pull, last.is_stale(NOW)) == (5, 12_345, NOW - 60, False)
    assert [one.entry for one in report.never_pulled] == ["quay.io/org/idle", "quay.io/org/twin"]
    assert report.document()["entries"][0]["frees"] == weight
