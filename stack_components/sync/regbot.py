"""The configuration of regbot as a typed model: the scripts of the settings.

Keys and their meaning: https://github.com/regclient/regclient/blob/v0.11.6/cmd/regbot/config.go
"""

from __future__ import annotations

from typing import Literal

from infra.blocks.sync import SyncSettings
from stack_components.durations import GoDuration
from stack_components.sync.hosts import Block, RegistryHost


class Defaults(Block):
    """Options of all scripts: they run once a night (UTC), one after the other."""

    schedule: str = "30 2 * * *"
    timeout: GoDuration = "30m"
    skip_docker_config: bool = True


class Script(Block):
    """A Lua script; its name appears in the log."""

    name: str
    script: str


class RegbotConfig(Block):
    """The whole of regbot.yml."""

    version: Literal[1] = 1
    creds: list[RegistryHost]
    defaults: Defaults = Defaults()
    scripts: list[Script]


def regbot_config(settings: SyncSettings, *, target: RegistryHost) -> RegbotConfig:
    """Return what regbot does in a registry."""
    return RegbotConfig(
        creds=[target],
        scripts=[
            Script(name=script.name, script=f'local registry = "{target.registry}"\n{script.script}')
            for script in settings.scripts
        ],
    )
