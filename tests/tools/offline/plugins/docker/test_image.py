"""Images on a real Docker engine: found, kept, removed, and what is said of one that is nowhere."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from docker import APIClient

from tools.offline.plugins.docker.engine import DockerEngine
from tools.offline.plugins.docker.image import RemoteImage, _digest, _split
from tools.offline.plugins.resource import PluginError
from tools.offline.plugins.session import Session

URN = "urn:pulumi:stack::project::docker:index/remoteImage:RemoteImage::image"
_DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def images(engine: APIClient) -> RemoteImage:  # noqa: ARG001  # the session finds it by DOCKER_HOST
    return RemoteImage(DockerEngine(Session("")))


@pytest.fixture
def tagged(engine: APIClient, image: str) -> Iterator[str]:
    """Another name of the image."""
    repository = f"stand-in-test/{secrets.token_hex(4)}"
    engine.tag(image, repository, "tag")
    name = f"{repository}:tag"
    yield name
    if engine.images(name):
        engine.remove_image(name)


@pytest.mark.system
def test_a_local_image_is_taken_by_name_or_id(images: RemoteImage, tagged: str) -> None:
    identifier, state = images.create(URN, {"name": tagged, "keepLocally": True}, preview=False)
    assert identifier == state["imageId"] + tagged
    assert images.create(URN, {"name": state["imageId"]}, preview=False)[1]["imageId"] == state["imageId"]
    found = images.read(identifier, state, {"name": tagged, "keepLocally": True})
    assert found is not None
    assert found.state == state


@pytest.mark.system
@pytest.mark.parametrize("keep", [True, False])
def test_it_is_kept_or_removed(keep: bool, images: RemoteImage, engine: APIClient, tagged: str) -> None:
    identifier, state = images.create(URN, {"name": tagged, "keepLocally": keep}, preview=False)
    images.delete(URN, identifier, state)
    images.delete(URN, identifier, state)
    assert bool(engine.images(tagged)) == keep
    assert (images.read(identifier, state, {}) is not None) == keep


@pytest.mark.system
def test_one_that_is_nowhere_is_named(images: RemoteImage) -> None:
    with pytest.raises(
        PluginError, match=r"resource: unable to pull image localhost:1/none:1: error pulling .*connection refused"
    ):
        images.create(URN, {"name": "localhost:1/none:1"}, preview=False)


@pytest.mark.system
def test_a_preview_pulls_nothing(images: RemoteImage) -> None:
    assert images.create(URN, {"name": "localhost:1/none:1"}, preview=True)[1]["name"] == "localhost:1/none:1"


def test_an_import_is_refused(images: RemoteImage) -> None:
    with pytest.raises(PluginError, match="cannot be imported"):
        images.read("sha256:abc", {}, {})


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("redis", ("redis", "latest")),
        ("redis:8", ("redis", "8")),
        ("there:5000/team/redis", ("there:5000/team/redis", "latest")),
        ("there:5000/team/redis:8", ("there:5000/team/redis", "8")),
        (f"redis:8@{_DIGEST}", ("redis", _DIGEST)),
        (f"there:5000/redis@{_DIGEST}", ("there:5000/redis", _DIGEST)),
    ],
)
def test_what_is_pulled(name: str, parts: tuple[str, str]) -> None:
    assert _split(name) == parts


@pytest.mark.parametrize(
    ("name", "digests", "digest"),
    [
        ("redis:8", [], ""),
        ("other:8", ["redis@sha256:a"], "redis@sha256:a"),
        ("redis:8", ["mirror/redis@sha256:a", "redis@sha256:b"], "redis@sha256:b"),
        ("other:8", ["mirror/redis@sha256:a", "redis@sha256:b"], "mirror/redis@sha256:a"),
    ],
)
def test_the_repository_digest(name: str, digests: list[str], digest: str) -> None:
    assert _digest(name, digests) == digest
