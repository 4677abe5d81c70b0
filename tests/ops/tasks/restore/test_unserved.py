"""Every tag of a backup is asked for through the edge; what is pushed meanwhile is no loss."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.config import Access
from ops.registry.client import RegistryClient
from ops.registry.index import RepositoryIndex
from ops.stack.places import tree_of
from ops.stack.stack import Stack
from ops.tasks.restore.whole import unserved
from tests.ops.tasks.doctor.doctor_rig import Stack as Served
from tests.ops.tasks.doctor.doctor_rig import stack_with

REPOSITORY, TAG = "team/app", "1.0"
NEVER = "sha256:" + "0" * 64


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with stack_with(tmp_path, (Access(repositories="**", actions=("pull",)),)) as served:
        stack = Stack(served.root)
        tree = stack.root / stack.config.registry_data
        tree.parent.mkdir(parents=True)
        tree.symlink_to(served.folder / "registry")
        push(served, TAG)
        yield served


def push(served: Served, tag: str, of: str = "") -> str:
    """Push an image, which differs by `of`; return its digest."""
    token = served.registry.token(f"repository:{REPOSITORY}:pull,push", "admin")
    answer = served.registry.push(REPOSITORY, tag, token, of=of)
    assert answer.status_code == 201
    return answer.headers["Docker-Content-Digest"]


def asked(served: Served, tags: dict[str, str]) -> list[str]:
    return unserved(Stack(served.root), {REPOSITORY: RepositoryIndex(tags)})


def test_what_is_served_is_no_problem(served: Served) -> None:
    digest = tree_of(Stack(served.root)).tagged(REPOSITORY, TAG)
    assert digest
    assert asked(served, {TAG: digest}) == []


def test_a_tag_that_is_not_there_is_one(served: Served) -> None:
    assert asked(served, {"2.0": NEVER}) == [f"{REPOSITORY}:2.0 is not served as {NEVER} (status 404)"]


def test_what_was_pushed_again_before_is_none(served: Served) -> None:
    assert asked(served, {TAG: NEVER}) == []


def test_what_is_pushed_again_while_it_is_asked_for_is_none(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree_of(Stack(served.root)).tagged(REPOSITORY, TAG)
    assert before
    ask = RegistryClient.manifest

    def pushed_first(client: RegistryClient, *arguments: Any) -> Any:
        assert push(served, TAG, of="somebody else") != before
        return ask(client, *arguments)

    monkeypatch.setattr(RegistryClient, "manifest", pushed_first)
    assert asked(served, {TAG: before}) == []
