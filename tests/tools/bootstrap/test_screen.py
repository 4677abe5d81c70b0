"""The screen that ends `make up`, as it is."""

from __future__ import annotations

import webbrowser

import pytest

from tools.bootstrap.screen import opened, welcome

OUTPUTS = {
    "registry": "localhost:8080",
    "registry_url": "http://127.0.0.1:8080",
    "registry_url_tls": "https://127.0.0.1:8443",
    "registry_user": "admin",
    "password_file": "/stack/secrets/registry_pass",
    "root": "/stack",
}
SCREEN = """
Your registry is up at localhost:8080 (stand-in plugins).

  address    http://127.0.0.1:8080   with TLS: https://127.0.0.1:8443
  pages      http://127.0.0.1:8080/   `make open` opens them: whether all is well, and what there is
  user       admin
  password   in /stack/secrets/registry_pass, or `make outputs`
  images     in /stack/data/registry

Try it with any image you have:
  docker login localhost:8080 --username admin --password-stdin < /stack/secrets/registry_pass
  docker tag IMAGE localhost:8080/IMAGE && docker push localhost:8080/IMAGE
"""


def test_it_says_where_the_registry_is_and_how_to_use_it() -> None:
    assert welcome(OUTPUTS, plugins="stand-in") == SCREEN
    assert welcome(OUTPUTS | {"left_out": {}}, plugins="stand-in") == SCREEN


def test_one_line_says_what_does_not_run() -> None:
    screen = welcome(OUTPUTS | {"left_out": {"ui": "no package has it", "cadvisor": "it needs"}}, plugins="stand-in")
    added = "  left out   ui, cadvisor: no image here; `make outputs` says why"
    assert [line for line in screen.splitlines() if line not in SCREEN.splitlines()] == [added]
    assert f"/stack/data/registry\n{added}\n\nTry it" in screen


def test_pages_are_opened_or_their_address_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    for there in (True, False):

        def browse(address: str, there: bool = there) -> bool:
            seen.append(address)
            return there

        monkeypatch.setattr(webbrowser, "open", browse)
        said = opened(OUTPUTS)
        assert ("is open in your browser" in said) is there
        assert "Sign on as admin; the password is in /stack/secrets/registry_pass." in said
    assert seen == ["http://127.0.0.1:8080/"] * 2
