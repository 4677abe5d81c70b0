"""Headless Chromium: what a person sees at an address, as text and as a picture, and where clicks lead."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from playwright.sync_api import Error, Page, Request, Response, sync_playwright

from tools.offline.debian import apt_install

WIDE, TELEPHONE = 1280, 360
_HEIGHT = 800
_LOAD_LIMIT_S = 90.0
_TRIES = 10
_CHANGED = "ERR_NETWORK_CHANGED"
# The page that tells of it comes up a moment later, and may interrupt the next try.
_ERROR_PAGE = 'interrupted by another navigation to "chrome-error:'
# QUIC leaves the loopback interface.
_FLAGS = ("--no-sandbox", "--disable-quic", "--hide-scrollbars")


@cache
def _chromium() -> Path:
    return apt_install("chromium-headless-shell", "chromium-headless-shell", purpose="looking at pages")


@contextlib.contextmanager
def browsing(
    login: tuple[str, str] | None = None, *, width: int = WIDE, dark: bool = False, scripts: bool = True
) -> Iterator[Page]:
    """Yield an empty page of a new browser, which takes every certificate.

    Args:
        login: Name and password that a person types when asked to sign on; None for one who closes the dialog.
        width: Of its window, in pixels.
        dark: Whether the person prefers dark pages.
        scripts: Whether it runs scripts.
    """
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=_chromium(), args=_FLAGS) as browser:
        context = browser.new_context(
            viewport={"width": width, "height": _HEIGHT},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            ignore_https_errors=True,
            http_credentials={"username": login[0], "password": login[1]} if login else None,
        )
        context.set_default_timeout(_LOAD_LIMIT_S * 1000)
        yield context.new_page()


def go(browser: Page, url: str) -> Response:
    """Open an address; return the answer.

    Chromium gives up what it is loading when the machine's networks change, as they do while other tests start containers: the
    page, or its style alone. That is tried again.
    """
    given_up: list[str] = []

    def note(request: Request) -> None:
        given_up.append(str(request.failure))

    browser.on("requestfailed", note)
    try:
        for _ in range(_TRIES):
            given_up.clear()
            try:
                answer = browser.goto(url)
            except Error as error:
                if _CHANGED not in error.message and _ERROR_PAGE not in error.message:
                    raise
            else:
                assert answer, url
                if not any(_CHANGED in one for one in given_up):
                    return answer
    finally:
        browser.remove_listener("requestfailed", note)
    raise AssertionError(f"{url}: the machine's networks change all the time")


def page(url: str, *, until: str = "", dark: bool = False) -> str:
    """Return the document at an address as the browser sees it, after its scripts have run.

    Args:
        url: May carry `name:password@`, which the browser sends when it is asked to sign on.
        until: What to wait for besides, as a CSS selector.
        dark: Whether the browser prefers dark pages.
    """
    with browsing(dark=dark) as seen:
        go(seen, url)
        seen.wait_for_load_state("networkidle")
        if until:
            seen.wait_for_selector(until, state="attached")
        return seen.content()


def screenshot(url: str, path: Path) -> None:
    """Write what is seen at an address as a PNG picture."""
    with browsing() as seen:
        go(seen, url)
        seen.wait_for_load_state("networkidle")
        seen.screenshot(path=path)
