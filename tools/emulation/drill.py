"""The drill: a server is lost with its disk, and the laptop with the state; both come back by the page in the recovery kit.

It prints the figures that count: how long until the first pull (RTO), how long until everything is back, and what is lost (RPO).
"""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

from infra.progress import say
from ops.core.process import CommandError
from tools.emulation.client import Client
from tools.emulation.disaster import Clone, destroy_laptop, destroy_server
from tools.emulation.stack import EmulatedStack
from tools.emulation.steps import step

_IMAGES = [f"team/app:{number}" for number in range(10)]
_LOST = "team/app:pushed-after-the-backup"
_PASSPHRASE = "what the operator remembers"  # noqa: S105
_FIGURES = re.compile(r"recovered from backup .*")
_PAUSE_S = 0.2


class Waiting:
    """Somebody who pulls an image again and again, until it comes; started by entering it.

    Attributes:
        came: When it came, in seconds by the monotonic clock; 0 while it has not.
    """

    def __init__(self, client: Client, image: str) -> None:
        self.came = 0.0
        self._client, self._image = client, image
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._wait)

    def __enter__(self) -> Waiting:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, whether it came or not."""
        self._ended.set()
        self._thread.join()

    def _wait(self) -> None:
        while not self._ended.wait(_PAUSE_S):
            try:
                self._client.pull(self._image)
            except CommandError:
                continue
            self.came = time.monotonic()
            return


def recover_everything(emulated: EmulatedStack, folder: Path) -> None:
    """Lose everything but the Storage Box and the kit, follow the kit's page, and check that everything is back.

    Raises:
        CommandError: A step failed; the message says which command, and why.
        AssertionError: Something is not back.
    """
    kit = folder / "usb" / "kit.age"
    emulated.configure(recovery_kit=str(kit), recovery_kit_passphrase=_PASSPHRASE)
    with step("a stack with ten images, backed up, and one image that came later"):
        emulated.stack.up(stream=True)
        client = Client.of_operator(emulated.stack.outputs(), folder)
        digests = {image: client.push(image) for image in _IMAGES}
        emulated.on_server("systemctl start regops-backup")
        client.push(_LOST)
    with step("the server is deleted with its disk, and the laptop with the state and the settings"):
        destroy_server(emulated)
        destroy_laptop(emulated)
    clone = Clone.with_kit(folder / "clone", kit, _PASSPHRASE, emulated)
    commands = clone.page()
    with step("what the page in the kit says, in a fresh clone"), Waiting(client, _IMAGES[0]) as waiting:
        began = time.monotonic()
        for command in commands:
            say(f"   {command.split(' HCLOUD_TOKEN=')[0]}")
        clone.follow(commands, stream=True)
        whole = time.monotonic() - began
    assert waiting.came, "nobody could pull"  # noqa: S101
    with step("every image, by the same digest, and by who had logged in before"):
        for image, digest in digests.items():
            client.pull(image)
            assert client.digest(image) == digest, image  # noqa: S101
    with step("up again, which changes nothing"):
        clone.follow([commands[1], "pulumi up --stack prod --expect-no-changes"], stream=True)
    told = _FIGURES.search(emulated.on_server("regops recover --check"))
    say(f"RTO, by whoever follows the page: first pull after {waiting.came - began:.0f} s, everything back after {whole:.0f} s")
    say(f"RPO, as the server says it: {told[0] if told else 'not told'}")
