"""The mirror that tests of a run share, by file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ops.tasks.sync.mirror_rig import MirrorRig, running_mirror


@pytest.fixture(scope="module")
def shared_mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MirrorRig]:
    with running_mirror(tmp_path_factory.mktemp("mirror"), ["one", "two", "three"]) as running:
        yield running


@pytest.fixture
def mirror(shared_mirror: MirrorRig) -> MirrorRig:
    """It, with fronts and settings as at the start: each test changes them."""
    for front in shared_mirror.fronts.values():
        front.hang, front.budget, front.cut_after, front.requests, front.failing = set(), None, None, [], 0
        front.token, front.login, front.latency_s, front.private = False, None, 0.0, set()
        front.referrers, front.scopes, front.page = False, 1, None
    shared_mirror.configure(reserve_gb=0, hub_reserve=20, window=None, variables={}, parallel=2)
    return shared_mirror
