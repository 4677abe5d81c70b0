"""Who must have signed an image, as the catalogue says it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.ops.catalogue.test_checks import HEAD, OURS, found, one

KEY = "|\n        -----BEGIN PUBLIC KEY-----\n        MFkwEwYHKoZIzj0=\n        -----END PUBLIC KEY-----\n"
ISSUER = "https://token.actions.githubusercontent.com"


@pytest.mark.parametrize(
    ("verify", "wrong"),
    [
        (f"\n      key: {KEY}", ""),
        (f" {{identity: 'https://github.com/org/.*', issuer: '{ISSUER}'}}\n", ""),
        (" {}\n", "needs either a key, or an identity with its issuer"),
        (" {identity: someone}\n", "needs either a key, or an identity with its issuer"),
        (f" {{issuer: '{ISSUER}'}}\n", "needs either a key, or an identity with its issuer"),
        (f" {{identity: a, issuer: '{ISSUER}', key: cosign.pub}}\n", "key"),
        (" {identity: a, issuer: 'http://plain.example.com'}\n", "issuer"),
    ],
)
def test_who_must_have_signed_is_a_key_or_an_identity(verify: str, wrong: str) -> None:
    told = [problem.what for problem in found(f"{HEAD}  x-regops:\n    verify:{verify}")]
    assert [wrong in what for what in told] == ([True] if wrong else [])


def test_where_nothing_can_be_verified_an_entry_that_wants_it_is_doubtful() -> None:
    text = f"{HEAD}  x-regops:\n    verify:\n      key: {KEY}"
    problem = one(text, replace(OURS, verifies=False))
    assert (problem.line, problem.severe, problem.entries) == (7, False, (0,))
    assert "there is no cosign on this host" in problem.what
    assert problem.remedy.startswith("set sync.cosign: {url, sha256} and run `up`")
    assert found(text) == []
    assert found(HEAD, replace(OURS, verifies=False)) == []
