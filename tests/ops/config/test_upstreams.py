"""Names of images are read as Docker reads them."""

from __future__ import annotations

import pytest

from ops.config import HUB, HUB_HOST, in_full


@pytest.mark.parametrize(
    ("registry", "repository", "full"),
    [
        (None, "alpine", (HUB, "library/alpine")),
        ("", "grafana/grafana", (HUB, "grafana/grafana")),
        (HUB, "alpine", (HUB, "library/alpine")),
        ("index.docker.io", "alpine", (HUB, "library/alpine")),
        (HUB_HOST, "org/app", (HUB, "org/app")),
        ("quay.io", "app", ("quay.io", "app")),
    ],
)
def test_short_names_are_those_of_docker_hub(registry: str | None, repository: str, full: tuple[str, str]) -> None:
    assert in_full(registry, repository) == full
