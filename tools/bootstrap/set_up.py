"""Sets up what a stack needs, side by side: Docker engine, Pulumi engine, images, Python packages."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from infra.paths import cache_folder
from tools.bootstrap.docker_engine import ensure_docker
from tools.bootstrap.engine import Engine, ensure_engine
from tools.bootstrap.errors import SetupError
from tools.bootstrap.images import ensure_lock, find_lock
from tools.offline.golang import kept_caches
from tools.offline.steps import Step, run_steps

_DOCKER, _ENGINE, _IMAGES, _SITE = "Docker", "the Pulumi engine", "the images", "the Python packages of ops"


@dataclass(frozen=True)
class Surroundings:
    """What a stack works with.

    Attributes:
        docker_host: The address of the Docker engine.
        engine: The Pulumi engine with its plugins.
        lock: The images lock to use.
    """

    docker_host: str
    engine: Engine
    lock: Path


def set_up(state: Path, lock: Path, needed: Collection[str], *, plugins: str, create: bool) -> Surroundings:
    """Find what a stack needs, and install or build what is missing.

    Args:
        state: The folder of the state.
        lock: The images lock that the settings name.
        needed: Keys of the images that the settings ask for.
        plugins: As PLUGINS in the environment.
        create: Whether images are pulled or made where they are missing.

    Raises:
        SettingsError: The images lock is invalid.
        SetupError: Something is missing and cannot be set up.
        CommandError: Something could not be built.
    """
    choose = ensure_lock if create else find_lock
    steps = [
        Step(_DOCKER, lambda _: ensure_docker(), work_s=5.0),
        Step(_ENGINE, lambda _: ensure_engine(state, wanted=plugins)),
        Step(_IMAGES, lambda done: choose(state, lock, done[_DOCKER], needed), after=(_DOCKER,)),
    ]
    # The Pulumi program would install them too, but only after everything else.
    if create and not any(cache_folder("site").glob("site-*")):
        steps.append(Step(_SITE, lambda _: _make_site(), work_s=12.0))
    with kept_caches(cache_folder("offline")):
        done = run_steps(steps, len(steps))
    return Surroundings(done[_DOCKER], done[_ENGINE], done[_IMAGES])


def _make_site() -> None:
    # These import Pulumi's SDK, which takes a second that later runs need not spend.
    from pulumi import RunError  # noqa: PLC0415

    from infra.site import machine, site_part  # noqa: PLC0415

    try:
        site_part(machine())
    except RunError as error:
        raise SetupError(str(error)) from error
