"""Clients of a registry that do something again and again, in threads of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import httpx

from tests.ops.tasks.gc.gc_rig import Client


class Traffic:
    """Clients that do something again and again until they are told to stop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self.errors: list[BaseException] = []
        self.done = 0
        self.refused = 0
        self.longest = 0.0

    def start(self, action: Callable[[Client], httpx.Response | None]) -> None:
        """Start a client. Being refused in read-only mode is counted."""

        def work() -> None:
            with httpx.Client(timeout=40) as http:
                client = Client(self._url, http)
                while not self._over.is_set():
                    began = time.monotonic()
                    try:
                        answer = action(client)
                    except BaseException as error:  # noqa: BLE001  # told at the end
                        self.errors.append(error)
                        return
                    self.longest = max(self.longest, time.monotonic() - began)
                    self.done += 1
                    self.refused += answer is not None and answer.status_code == 503

        thread = threading.Thread(target=work)
        thread.start()
        self._threads.append(thread)

    def stop(self) -> None:
        """End all clients."""
        self._over.set()
        for thread in self._threads:
            thread.join()
