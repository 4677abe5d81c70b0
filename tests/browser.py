"""Headless Chromium: what a person sees at an address, as text and as a picture."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from ops.core.process import run
from tools.offline.debian import apt_install

# Without the network flags Chromium calls home, which a test must not do.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--window-size=1280,800",
)
_LOAD_LIMIT_S = 90.0


@cache
def _chromium() -> Path:
    # Headless: when it is asked to sign in, it acts like a person who closes the dialog.
    return apt_install("chromium-headless-shell", "chromium-headless-shell", purpose="looking at pages")


def page(url: str, *, wait_ms: int = 5000, dark: bool = False) -> str:
    """Return the document at an address as the browser sees it, after its scripts have run.

    Args:
        url: May carry `name:password@`, which the browser sends when it is asked to sign on.
        wait_ms: Virtual milliseconds that scripts get.
        dark: Whether the browser prefers dark pages.
    """
    # https://source.chromium.org/chromium/chromium/src/+/main:third_party/blink/public/mojom/css/preferred_color_scheme.mojom
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    return _browse(url, ["--dump-dom", f"--virtual-time-budget={wait_ms}", scheme])


def screenshot(url: str, path: Path, *, wait_ms: int = 5000) -> None:
    """Write what is seen at an address as a PNG picture."""
    _browse(url, [f"--screenshot={path}", f"--virtual-time-budget={wait_ms}"])


def _browse(url: str, options: list[str]) -> str:
    with tempfile.TemporaryDirectory() as profile:
        # Chromium complains about its container on standard error; that says nothing about the page.
        return run([_chromium(), *_FLAGS, f"--user-data-dir={profile}", *options, url], timeout=_LOAD_LIMIT_S).stdout
