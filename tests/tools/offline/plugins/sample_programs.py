"""Small Pulumi programs on the real engine with the stand-ins."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from infra.paths import PROJECT_FOLDER, cache_folder
from ops.core.process import CommandError, Completed, run
from tests.warm_programs import warm_host, warm_plugins
from tools.offline.cli import ensure_cli
from tools.offline.plugins.install import install_language_host, install_standins

_LIMIT_S = 120
_PROJECT = "name: stand-in\nruntime: python\n"
# Resources as data: tests say what is wanted in the SDK's own words; {"FileAsset": path} is one.
_PROGRAM = """\
import json
from pathlib import Path

import pulumi
import pulumi_command
import pulumi_docker

PACKAGES = {"docker": pulumi_docker, "command": pulumi_command.local, "remote": pulumi_command.remote}


def meant(value):
    return pulumi.FileAsset(value["FileAsset"]) if isinstance(value, dict) and "FileAsset" in value else value



for resource in json.loads(Path("wanted.json").read_text()):
    package, name = resource["type"].split(".")
    arguments = {
        key: pulumi.Output.secret(value) if key in resource.get("secret", []) else meant(value)
        for key, value in resource["args"].items()
    }
    options = pulumi.ResourceOptions(**resource.get("options", {}))
    made = getattr(PACKAGES[package], name)(resource["name"], **arguments, opts=options)
    if "output" in resource:
        pulumi.export(resource["name"], getattr(made, resource["output"]))
"""

# The files of a project and its backend with a new stack, by path. To make one anew takes the CLI a third of a second.
_NEW = dict[Path, bytes]()


@dataclass(frozen=True)
class Outcome:
    """What a run of the engine left.

    Attributes:
        text: All that it showed.
        steps: What was done to each resource of the program; unchanged ones are left out.
        failed: Whether it ended with an error.
    """

    text: str
    steps: Mapping[str, str]
    failed: bool


class Program:
    """One project with one stack in a folder of its own.

    Attributes:
        environment: In which the CLI runs.
        attached: Packages whose plugins run already when the engine needs them, instead of being started by it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "project"
        self._backend = folder / "backend"
        home = folder / "home"
        cli = ensure_cli(cache_folder("offline"))
        install_standins(home, Path(sys.executable), PROJECT_FOLDER)
        host = home / "plugins" / f"language-python-v{version('pulumi')}"
        install_language_host(host, Path(sys.executable), PROJECT_FOLDER)
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join([str(cli), os.environ["PATH"]]),
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": f"file://{self._backend}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_STACK": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DEBUG_COMMANDS": "true",  # for --event-log
        }
        self.attached: Sequence[str] = ()
        self._pulumi = cli / "pulumi"
        if not _NEW:
            self._folder.mkdir()
            self._backend.mkdir()
            (self._folder / "Pulumi.yaml").write_text(_PROJECT)
            (self._folder / "__main__.py").write_text(_PROGRAM)
            self.call("stack", "init", "test")
            _NEW.update(_files(folder))
        for path, content in _NEW.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)

    def up(self, *wanted: Mapping[str, Any], refresh: bool = False) -> Outcome:
        """Bring the stack to what is wanted."""
        (self._folder / "wanted.json").write_text(json.dumps(wanted))
        return self._outcome("up", "--yes", "--skip-preview", *(["--refresh"] if refresh else []))

    def preview(self) -> Outcome:
        """Show what another `up` would do."""
        return self._outcome("preview")

    def destroy(self) -> Outcome:
        """Remove all."""
        return self._outcome("destroy", "--yes", "--skip-preview")

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs."""
        return dict(json.loads(self.call("stack", "output", "--json").stdout))

    def state(self) -> str:
        """Return the state file as it lies on disk."""
        (file,) = self._backend.rglob("test.json")
        return file.read_text()

    def call(self, *words: str) -> Completed:
        """Run the CLI."""
        with (
            warm_host(words, self.environment, self._pulumi.parent) as all_words,
            warm_plugins(words, self.environment, self.attached, self._folder) as more,
        ):
            argv: Sequence[str | Path] = [self._pulumi, *all_words, "--non-interactive", "--color", "never"]
            return run(argv, timeout=_LIMIT_S, env={**self.environment, **more}, cwd=self._folder)

    def _outcome(self, *words: str) -> Outcome:
        failed = False
        try:
            completed = self.call(*words, "--json" if words[0] == "preview" else "--event-log=events.json")
        except CommandError as error:
            if error.completed is None:
                raise
            completed, failed = error.completed, True
        text = completed.stdout + completed.stderr
        return Outcome(text, self._previewed(completed.stdout) if words[0] == "preview" else self._done(), failed)

    def _previewed(self, text: str) -> dict[str, str]:
        steps = json.loads(text)["steps"] if text.startswith("{") else []
        return {step["urn"].rpartition("::")[2]: step["op"] for step in steps if step["op"] != "same" and _ours(step["urn"])}

    def _done(self) -> dict[str, str]:
        steps: dict[str, str] = {}
        for line in (self._folder / "events.json").read_text().splitlines():
            step = json.loads(line).get("resourcePreEvent", {}).get("metadata", {})
            if step and step["op"] not in ("same", "refresh") and _ours(step["urn"]):
                name = step["urn"].rpartition("::")[2]
                steps[name] = "replace" if "replace" in step["op"] else step["op"]
        return steps


def _files(folder: Path) -> dict[Path, bytes]:
    made = [path for name in ("project", "backend") for path in (folder / name).rglob("*") if path.is_file()]
    return {path.relative_to(folder): path.read_bytes() for path in made}


def _ours(urn: str) -> bool:
    return "pulumi:" not in urn.split("::")[2]
