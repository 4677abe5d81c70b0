"""Asks the official plugin all of cases.py and writes answers.json: `… record PROGRAM`, PROGRAM being pulumi-resource-hcloud."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.tools.offline.plugins.client import running
from tests.tools.offline.plugins.hcloud.asking import ask_change, ask_check, ask_life
from tests.tools.offline.plugins.hcloud.cases import BASES, CHECKS
from tests.tools.offline.plugins.hcloud.world import FILE, world
from tests.tools.offline.plugins.official import answers


def main() -> None:
    """Record."""
    with world() as there, running(Path(sys.argv[1])) as client:
        there.configure(client)
        answers.save(
            {
                "checks": [ask_check(client, kind, inputs) for kind, inputs in CHECKS],
                "bases": [
                    {
                        "life": ask_life(client, there, base),
                        "changes": [ask_change(client, there, base, change) for change in base.changes],
                    }
                    for base in BASES
                ],
            },
            FILE,
        )


if __name__ == "__main__":
    main()
