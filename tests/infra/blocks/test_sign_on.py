"""Settings of sign-on that cannot work, or are not safe, are refused, each with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from infra.blocks.sign_on import SignOnSettings
from infra.settings import SettingsError, parse

ISSUER = "https://id.example.com/realms/a"


def settings(**sign_on: Any) -> SignOnSettings:
    return parse({"sign_on": sign_on}, stack="test").sign_on


def problem(**sign_on: Any) -> str:
    """Return the one problem that settings of sign-on have."""
    with pytest.raises(SettingsError) as refused:
        settings(**sign_on)
    (told,) = refused.value.problems
    return told


def test_addresses_are_compared_in_lower_case() -> None:
    read = settings(issuer=ISSUER, emails=["Ann@Example.com", "bob+x@example.com"], operators=["ANN@example.com"])
    assert (read.emails, read.operators) == (("ann@example.com", "bob+x@example.com"), ("ann@example.com",))


# oauth2-proxy reads its file as CSV with comments, and the address becomes the subject of tokens.
@pytest.mark.parametrize(
    "email", ["ann", "#ann@example.com", '"ann"@example.com', "a b@example.com", "a@b,c@d", "a@b@c", "@b", "a@"]
)
def test_what_is_no_plain_address_is_refused(email: str) -> None:
    assert "sign_on.emails.0: " in problem(issuer=ISSUER, emails=[email])


@pytest.mark.parametrize("issuer", [ISSUER, "https://10.0.0.1", "http://127.0.0.1:5556/dex", "http://idp:8080", "http://[::1]:1"])
def test_an_issuer_is_an_address_that_is_encrypted_or_near(issuer: str) -> None:
    assert settings(issuer=issuer, emails=["a@b.c"]).issuer == issuer


@pytest.mark.parametrize("issuer", ["http://id.example.com", "http://198.51.100.7.nip.io", "http://8.8.8.8/a"])
def test_another_issuer_without_tls_is_refused(issuer: str) -> None:
    assert "should begin with https://" in problem(issuer=issuer, emails=["a@b.c"])


@pytest.mark.parametrize("issuer", ["id.example.com", "ftp://id.example.com", "https://", "https:// a"])
def test_what_is_not_an_address_is_refused(issuer: str) -> None:
    assert "sign_on.issuer: " in problem(issuer=issuer, emails=["a@b.c"])


def test_somebody_must_be_able_to_sign_on() -> None:
    assert "emails is empty" in problem(issuer=ISSUER)
    assert "issuer is missing" in problem(emails=["a@b.c"])
    assert "b@b.c in operators may not sign on" in problem(issuer=ISSUER, emails=["a@b.c"], operators=["B@b.c"])
