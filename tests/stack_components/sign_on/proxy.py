"""The real oauth2-proxy with the configuration of a stack."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.settings import Settings
from stack_components.sign_on.component import NAME, PORT, config
from stack_components.sign_on.config import OAuth2ProxyConfig, emails_file, render
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import wait_until_up
from tests.real_programs import go_binary
from tests.stack_components.sign_on.provider import CLIENT_ID, CLIENT_SECRET


def on_this_machine(settings: Settings, folder: Path, **changes: Any) -> OAuth2ProxyConfig:
    """Return the configuration of a stack with addresses and paths of the test."""
    made = config(settings, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, cookie_secret="the cookie secret")
    return made.model_copy(update={"authenticated_emails_file": str(folder / "emails"), **changes})


def write_config(configuration: OAuth2ProxyConfig, settings: Settings) -> Path:
    """Write the files that oauth2-proxy reads; return the path of its configuration."""
    emails = Path(configuration.authenticated_emails_file)
    emails.write_text(emails_file(settings.sign_on.emails))
    path = emails.with_name("oauth2-proxy.cfg")
    path.write_text(render(configuration))
    return path


@dataclass(frozen=True)
class RunningProxy:
    """An oauth2-proxy that runs."""

    address: str
    log_file: Path

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self.log_file.read_text()


@contextlib.contextmanager
def running_proxy(settings: Settings, folder: Path, rendered: str = "") -> Iterator[RunningProxy]:
    """Run oauth2-proxy below a folder, and kill it at the end.

    Args:
        settings: The stack's.
        folder: Where its files are.
        rendered: The configuration as the program has rendered it, in place of one with secrets of the tests.
    """
    address = f"127.0.0.1:{free_port()}"
    here = on_this_machine(settings, folder, http_address=address)
    path = write_config(here, settings)
    if rendered:
        declared = config(settings, client_id="", client_secret="", cookie_secret="")
        moved = {f"{NAME}.sign-on:{PORT}": address, declared.authenticated_emails_file: here.authenticated_emails_file}
        for place, other in moved.items():
            assert place in rendered
            rendered = rendered.replace(place, other)
        path.write_text(rendered)
    log_file = folder / "oauth2-proxy.log"
    with (
        log_file.open("wb") as log,
        subprocess.Popen(
            [str(go_binary("oauth2_proxy")), "--config", str(path)],
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            wait_until_up(f"http://{address}/ping", process)
            yield RunningProxy(address, log_file)
        finally:
            process.kill()
