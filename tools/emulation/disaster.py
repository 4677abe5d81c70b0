"""A disaster on emulated machines: the server is destroyed with its disk, perhaps the laptop is lost too; and the way back."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from infra.paths import PROJECT_FOLDER
from ops.core.files import write_atomic
from ops.core.process import CommandError, Completed, run
from tools.emulation.stack import EmulatedStack

_KIT = "kit.age"
_PAGE = "README.md"
# What a clone does not have: what is made when it is used, and what this machine keeps in it.
_NOT_CLONED = (".git", ".venv", ".state", ".*_cache", "__pycache__", "Pulumi.*.yaml")
_LIMIT_S = 1200.0
_SHOWN = 4000


def destroy_server(stack: EmulatedStack) -> None:
    """Delete the server and its disk, as somebody with the API token could; addresses, volumes and the Storage Box stay."""
    for server in stack.console().servers.get_all():
        server.change_protection(delete=False, rebuild=False).wait_until_finished()
        server.delete().wait_until_finished()


def destroy_laptop(stack: EmulatedStack) -> None:
    """Delete the state, its passphrase and the settings: what an operator's machine has, and a clone has not."""
    shutil.rmtree(stack.stack.state / "backend")
    shutil.rmtree(stack.stack.folder)
    stack.stack.passphrase_file.unlink()
    stack.stack.config.unlink()


@dataclass(frozen=True)
class Clone:
    """A new machine: the sources of this program as a clone has them, a Pulumi that knows no stack, and the recovery kit.

    Attributes:
        folder: The clone.
        passphrase: What the operator remembers.
        lost: The stack that is to come back; its API token and its engine are used, and nothing else.
    """

    folder: Path
    passphrase: str
    lost: EmulatedStack

    @classmethod
    def with_kit(cls, folder: Path, kit: Path, passphrase: str, lost: EmulatedStack) -> Clone:
        """Make one.

        Args:
            folder: Where; must not exist.
            kit: The recovery kit.
            passphrase: What opens it.
            lost: The stack that is to come back.
        """
        shutil.copytree(PROJECT_FOLDER, folder, ignore=shutil.ignore_patterns(*_NOT_CLONED))
        (folder / ".venv").symlink_to(PROJECT_FOLDER / ".venv")
        (folder / ".state" / "backend").mkdir(parents=True)
        shutil.copy(kit, folder / _KIT)
        return cls(folder, passphrase, lost)

    def page(self) -> list[str]:
        """Return the commands on the kit's own page, as somebody with the token would type them."""
        text = self.run(f"bin/regops kit show {_KIT} {_PAGE}").stdout
        block = text.split("```")[1].strip()
        return block.replace("HCLOUD_TOKEN=…", f"HCLOUD_TOKEN={self.lost.stack.environment['HCLOUD_TOKEN']}").splitlines()

    def follow(self, commands: list[str], *, stream: bool = False) -> Completed:
        """Run commands one after the other in one shell, until one fails.

        Raises:
            CommandError: One has failed.
        """
        script = self.folder / ".state" / "page.sh"
        write_atomic(script, "\n".join(["set -eu", *commands, ""]), mode=0o600)
        return self.run(f". {script}", stream=stream)

    def run(self, line: str, *, stream: bool = False) -> Completed:
        """Run a line of shell in the clone.

        Raises:
            CommandError: It has failed.
        """
        stack = self.lost.stack
        others = {name: value for name, value in stack.environment.items() if name != "HCLOUD_TOKEN"}
        environment = stack.engine.environment(
            {
                **others,
                "REGOPS_KIT_PASSPHRASE": self.passphrase,
                "PULUMI_BACKEND_URL": f"file://{self.folder / '.state' / 'backend'}",
                "PULUMI_SKIP_CONFIRMATIONS": "true",
            }
        )
        done = run(["sh", "-euc", line], timeout=_LIMIT_S, cwd=self.folder, env=environment, stream=stream, check=False)
        if done.returncode:  # the engine says on standard output what it failed at
            raise CommandError(
                f"`{line}` failed with exit code {done.returncode}:\n{done.stdout[-_SHOWN:]}\n{done.stderr[-_SHOWN:]}", done
            )
        return done
