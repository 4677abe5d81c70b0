"""Files the stand-ins where the engine looks for plugins: small scripts that run a checkout's code with a given Python."""

from __future__ import annotations

import shlex
from pathlib import Path

from ops.core.files import write_atomic
from tools.offline.plugins.version import plugin_version

_EXECUTABLE = 0o755
_PLUGINS = ("docker", "command", "hcloud")
# -I: neither PYTHONPATH nor the working folder can put other modules in the place of ours.
_SCRIPT = """\
#!/bin/sh
exec {python} -I -c {code} {source} "$@"
"""
_CODE = "import sys; sys.path.insert(0, sys.argv.pop(1)); from tools.offline.plugins.start import start; start({module!r})"


def install_standins(pulumi_home: Path, python: Path, source: Path) -> None:
    """File the stand-ins of all plugins, under the versions that the installed SDKs ask for.

    Args:
        pulumi_home: The PULUMI_HOME to file them in.
        python: An interpreter that has the packages of requirements.txt.
        source: The checkout that has `tools/offline/`.

    Raises:
        PluginError: An SDK is not installed.
        OSError: A file cannot be written.
    """
    for name in _PLUGINS:
        folder = pulumi_home / "plugins" / f"resource-{name}-v{plugin_version(name)}"
        _write_script(folder / f"pulumi-resource-{name}", python, source, f"tools.offline.plugins.{name}.provider")


def install_language_host(folder: Path, python: Path, source: Path) -> None:
    """File the Python language host.

    Args:
        folder: Where the engine finds it: beside `pulumi`, or `plugins/language-python-v<version>` of a PULUMI_HOME.
        python: The interpreter that programs run with, unless their `virtualenv` option says otherwise.
        source: The checkout that has `tools/offline/`.

    Raises:
        OSError: A file cannot be written.
    """
    _write_script(folder / "pulumi-language-python", python, source, "tools.offline.language_host")


def _write_script(path: Path, python: Path, source: Path, module: str) -> None:
    code = _CODE.format(module=module)
    words = {"python": str(python), "code": code, "source": str(source.absolute())}
    script = _SCRIPT.format(**{name: shlex.quote(word) for name, word in words.items()})
    # Left alone when it is right: a running engine may be about to start it.
    if not path.is_file() or path.read_text() != script:
        write_atomic(path, script, mode=_EXECUTABLE)
