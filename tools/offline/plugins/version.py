"""The version that a plugin has to have: the engine accepts exactly the one that the installed SDK asks for."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

from tools.offline.plugins.resource import PluginError


def plugin_version(package: str) -> str:
    """Return the plugin version that an installed SDK asks for, without importing the SDK.

    Raises:
        PluginError: The SDK is not installed.
    """
    spec = find_spec(f"pulumi_{package}")
    if spec is None or not spec.submodule_search_locations:
        raise PluginError(f"the Python package pulumi-{package} is not installed; install requirements.txt")
    described = Path(spec.submodule_search_locations[0], "pulumi-plugin.json").read_text()
    return str(json.loads(described)["version"])
