"""Where secret files that running services take in are installed."""

from __future__ import annotations

from infra.live_secrets import as_installed, live_secret
from infra.release import digest_of

RIGHTS, TOKEN = live_secret("gateway", "rights.json"), live_secret("gateway", "events-token")


def test_the_files_of_a_service_are_one_copy_with_their_digest() -> None:
    files = {"registry_pass": "p", "gateway/key": "k", RIGHTS: "r", TOKEN: "t"}
    copy = digest_of({RIGHTS: "r", TOKEN: "t"})
    assert as_installed(files) == {
        "registry_pass": "p",
        "gateway/key": "k",
        f"live/gateway/{copy}/rights.json": "r",
        f"live/gateway/{copy}/events-token": "t",
    }


def test_another_content_is_another_copy() -> None:
    one, other = (as_installed({RIGHTS: text, TOKEN: "t"}).keys() for text in ("r", "s"))
    assert not one & other
