"""Where the installed wrapper scripts enter; quick to start, because the engine starts three of these for one preview."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType


def start(module: str) -> None:
    """Run `main` of a module as a program of its own."""
    use_bare_sdk()
    import_module(module).main()


def use_bare_sdk() -> None:
    """Make `pulumi.runtime.proto` importable without running `pulumi/__init__.py`, which takes longer than all the rest.

    Only for a process that needs nothing else of the SDK.
    """
    spec = find_spec("pulumi")
    if "pulumi" in sys.modules or spec is None:
        return
    for name, below in (("pulumi", ""), ("pulumi.runtime", "/runtime")):
        package = ModuleType(name)
        package.__path__ = [f"{folder}{below}" for folder in spec.submodule_search_locations or ()]
        sys.modules[name] = package
