"""How long it takes to see what all tags point to: in the tree, by the API, and by one `regctl` call after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from infra.paths import cache_folder
from ops.core.process import run
from ops.registry.tree import RegistryTree
from ops.tasks.changes.api_scan import CONNECTIONS, scan_of_registry
from ops.tasks.changes.model import Scan
from ops.tasks.changes.tree_scan import scan_of_tree
from tests.ops.tasks.changes.registries import client_of, fill, running_registry
from tools.bench.report import Row
from tools.bench.turns import medians
from tools.offline.tools import ensure_regctl

TREE, API, REGCTL = "tree", "API", "regctl"
_REPOSITORIES, _TAGS = 120, 10
_RUNS = 5
_LIMIT_S = 60.0


def measure(folder: Path) -> list[Row]:
    """Fill a registry and look at it in three ways, which must agree.

    Args:
        folder: Where its tree is put.
    """
    with ways(folder, _REPOSITORIES, _TAGS) as looks:
        host, api, calls = (_seconds(looks[name], runs) for name, runs in ((TREE, _RUNS), (API, _RUNS), (REGCTL, 1)))
    what = f"{_REPOSITORIES * _TAGS} tags"
    return [
        Row(f"{what}, read in the tree", "", "", host * 1000, "ms"),
        Row(f"{what}, asked by the API", f"{CONNECTIONS} connections", "", api * 1000, "ms"),
        Row(f"{what}, one `regctl` call after the other", "one for each repository and tag", "", calls, "s"),
        Row("`regctl` calls against the tree", "", "≥ 20", calls / host, ""),
        Row("`regctl` calls against the API", "", "≥ 8", calls / api, ""),
    ]


@contextlib.contextmanager
def ways(folder: Path, repositories: int, tags: int) -> Iterator[dict[str, Callable[[], None]]]:
    """Fill a registry, and give what looks at all of its tags, by name; each raises when it does not see what the others see.

    Args:
        folder: Where its tree is put.
        repositories: How many there are.
        tags: How many each has.
    """
    regctl = ensure_regctl(cache_folder("offline"))
    tree = RegistryTree(folder / "registry")
    expected = Scan(fill(tree, repositories, tags))

    def checked(seen: Scan) -> None:
        if seen != expected:
            raise RuntimeError("not every tag was seen as it is")

    with running_registry(tree.root) as url:

        def by_api() -> None:
            with client_of(url) as client:
                checked(scan_of_registry(client))

        yield {
            TREE: lambda: checked(scan_of_tree(tree)),
            API: by_api,
            REGCTL: lambda: checked(_by_regctl(regctl, url, folder)),
        }


def _by_regctl(regctl: Path, url: str, folder: Path) -> Scan:
    """Ask as scripts do: the list of repositories, of each its tags, of each tag its digest."""
    host = url.removeprefix("http://")
    # Without the user's `docker login`.
    environment = {"HOME": str(folder), "REGCTL_CONFIG": str(folder / "regctl.json"), "DOCKER_CONFIG": str(folder)}

    def ask(*words: str) -> list[str]:
        return run([regctl, "--host", f"reg={host},tls=disabled", *words], timeout=_LIMIT_S, env=environment).stdout.split()

    seen: dict[str, dict[str, str]] = {}
    last = ""
    while names := ask("repo", "ls", host, "--last", last):  # a page for each call
        for name in names:
            seen[name] = {tag: ask("manifest", "head", f"{host}/{name}:{tag}")[0] for tag in ask("tag", "ls", f"{host}/{name}")}
        last = names[-1]
    return Scan(seen)


def _seconds(look: Callable[[], None], runs: int) -> float:
    """Return the median, after a run that only warms up if there are several."""
    return medians({"": look}, runs, warm_up=runs > 1)[""]
