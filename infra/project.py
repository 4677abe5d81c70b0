"""Reads the stack's settings and images, and stops with every problem at once."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.runtime import config as runtime_config

from infra.authorities import read_authorities
from infra.catalogue import read_catalogue
from infra.host import Host
from infra.images import load_lock
from infra.local import LocalHost
from infra.look import Wanted
from infra.paths import PROJECT_FOLDER
from infra.plan import Plan, make_plan
from infra.settings import PROJECT, Settings, SettingsError, parse

LOCK = PROJECT_FOLDER / "images.lock"


def load() -> Plan:
    """Return what the current stack is to run.

    Raises:
        pulumi.RunError: The settings are invalid. It has every problem, and the engine shows it without a stack trace.
    """
    try:
        settings = parse(_given(), stack=pulumi.get_stack(), warn=pulumi.warn)
        images = load_lock(PROJECT_FOLDER / settings.images_lock, floors=LOCK)
        if missing := sorted(load_lock(LOCK).keys() - images.keys()):
            raise SettingsError([f"{settings.images_lock}: {name}: is missing; pin it as in {LOCK.name}" for name in missing])
        plan = make_plan(settings, images, read_catalogue(settings), read_authorities(settings))
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from error
    if plan.left_out:
        pulumi.info(f"left out, because their images are not available here: {', '.join(plan.left_out)}")
    for note in plan.notes:
        pulumi.info(note)
    return plan


def make_host(settings: Settings, wanted: Wanted) -> Host:
    """Return the Host of the place that the settings choose, after a look at it.

    Args:
        settings: The stack's settings.
        wanted: What should be in its Docker engine.
    """
    if settings.is_local:
        return LocalHost("host", settings, pulumi.get_stack(), wanted)
    # The SDK of Hetzner Cloud takes a tenth of the program's time, and a local stack needs nothing of it.
    from infra.hetzner.place import HetznerPlace  # noqa: PLC0415
    from infra.ssh_host import SshHost  # noqa: PLC0415

    place = HetznerPlace("place", settings)
    host = SshHost("host", place.machine, wanted)
    if box := place.storage_box(after=host.ready):
        host.backup_account = box.backup_account
    return host


def _given() -> dict[str, Any]:
    """Return all keys of this project. The SDK can only look up single keys, which would miss unknown ones."""
    everything = runtime_config.CONFIG.get() or runtime_config.get_config_env()
    prefix = f"{PROJECT}:"
    return {key.removeprefix(prefix): value for key, value in everything.items() if key.startswith(prefix)}
