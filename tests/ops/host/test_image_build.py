"""An image is built once from a folder of the release; what it took to build it does not stay."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from infra.paths import cache_folder
from ops.host.image_build import SCRATCH_LABEL, build, main
from tools.bootstrap.docker_engine import ensure_docker
from tools.offline.images import ensure_images

pytestmark = pytest.mark.system

_TWO_STAGES = f"""\
FROM {{base}} AS build
LABEL {SCRATCH_LABEL}={{mark}}
COPY greeting ./
RUN tr a-z A-Z < greeting > /result

FROM {{base}}
COPY --from=build /result /greeting
"""


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[docker.DockerClient]:
    host = ensure_docker()
    monkeypatch.setenv("DOCKER_HOST", host)
    with contextlib.closing(docker.DockerClient(base_url=host)) as client:
        yield client


@pytest.fixture
def mark(engine: docker.DockerClient) -> Iterator[str]:
    """A word that is in all images of a test, which are removed at the end."""
    word = secrets.token_hex(8)
    yield word
    for image in engine.images.list(name="private-registry/test-image"):
        if any(word in tag for tag in image.tags):
            engine.images.remove(str(image.id), force=True)


def folder_of(root: Path, mark: str, dockerfile: str) -> str:
    """Write a part that has a Dockerfile; return its name."""
    folder = root / "parts" / f"test-image-{mark}"
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text(dockerfile)
    (folder / "greeting").write_text("hello\n")
    return f"parts/{folder.name}"


@pytest.fixture
def network(engine: docker.DockerClient, mark: str) -> Iterator[str]:
    """A network; a second engine in tests may have taken the default one away."""
    made = engine.networks.create(f"test-{mark}", driver="bridge")
    yield str(made.name)
    made.remove()


def base(engine: docker.DockerClient) -> str:
    return ensure_images(["redis"], engine, cache_folder("offline"))["redis"].reference


def test_an_image_is_built_once_and_its_first_stage_does_not_stay(
    engine: docker.DockerClient, mark: str, network: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = folder_of(tmp_path, mark, _TWO_STAGES.format(base=base(engine), mark=mark))
    built = build(tmp_path / name, engine, network=network)
    assert engine.containers.run(built, ["cat", "/greeting"], remove=True, network=network) == b"HELLO\n"
    assert engine.images.list(filters={"label": f"{SCRATCH_LABEL}={mark}"}, all=True) == []
    (tmp_path / name / "Dockerfile").unlink()
    assert main(["--root", str(tmp_path), name]) == 0
    assert capsys.readouterr().out == built


def test_a_step_that_fails_is_reported_with_its_output(
    engine: docker.DockerClient, mark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = folder_of(tmp_path, mark, f"FROM {base(engine)}\nCOPY nothing ./\n")
    assert main(["--root", str(tmp_path), name]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Step 2/2 : COPY nothing ./" in printed.err
    assert f"ops.host.image_build {name}: " in printed.err
    assert "COPY failed" in printed.err


@pytest.mark.usefixtures("engine")
def test_a_folder_without_a_dockerfile_is_reported(mark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = folder_of(tmp_path, mark, "")
    (tmp_path / name / "Dockerfile").unlink()
    assert main(["--root", str(tmp_path), name]) == 1
    assert "Dockerfile" in capsys.readouterr().err
