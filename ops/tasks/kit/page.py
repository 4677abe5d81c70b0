"""The page of instructions in a recovery kit. docs/recovery.md says the same of any kit; a test follows both."""

from __future__ import annotations

_PAGE = """\
# Bringing {stack} back

On a machine with Python 3.11, Pulumi and the sources of this program, in their folder:

```
{commands}
```

The first line asks for the passphrase of this kit, and writes its files into the folder `kit`. The last one makes what is
missing, restores everything before services start, asks the registry for each tag, and says how long it took and what is
lost. The line before has Pulumi forget the server, which is gone: leave it out if the server still runs. A second `pulumi up`
changes nothing.

Afterwards `pulumi stack output --show-secrets` prints every generated password. `backups.env` opens the backups with restic
alone; "Without this software" in docs/backups.md goes on from there.
"""


def page(stack: str, *, has_passphrase: bool) -> str:
    """Return the page, in Markdown.

    Args:
        stack: The stack, as Pulumi knows it.
        has_passphrase: Whether the kit has the passphrase of the state.
    """
    passphrase = 'PULUMI_CONFIG_PASSPHRASE_FILE="$PWD/kit/passphrase" ' if has_passphrase else ""
    commands = [
        f"bin/regops kit open kit.age kit && cp kit/Pulumi.{stack}.yaml .",
        f"export {passphrase}HCLOUD_TOKEN=…",
        f"pulumi stack init {stack} && pulumi stack import --stack {stack} --file kit/state.json",
        f"pulumi refresh --yes --stack {stack} --target '**::server'",
        f"pulumi config set --stack {stack} private-registry:recover latest && pulumi up --stack {stack}",
    ]
    return _PAGE.format(stack=stack, commands="\n".join(commands))
