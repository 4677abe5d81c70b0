"""Password hashes: the same for the same arguments, and no part of a password ignored."""

from __future__ import annotations

import bcrypt
import pytest

from ops.config import Account
from ops.credentials.passwords import password_hash, password_matches, unmatched_hash

LONG = "x" * 200


def test_the_same_arguments_always_give_the_same_hash() -> None:
    # Written down here because a change would lock every account out until the next deployment.
    assert password_hash("correct horse", "seed", cost=4) == "$2b$04$uCXQy7LMBEb2gJuFb1drquyKWCzzVb3tfkLNISuCr/nK3RkTehtVm"
    assert password_hash("correct horse", "seed").startswith("$2b$10$")


@pytest.mark.parametrize("password", ["a", "", "pässwörd", LONG, "a\0b", "\N{PILE OF POO}"])
def test_a_password_matches_its_hash_and_no_other(password: str) -> None:
    hashed = password_hash(password, "seed", cost=4)
    assert Account(name="a", password_hash=hashed, access=())
    assert password_matches(password, hashed)
    for other in (password + "x", password + "\0", password[:-1] if password else " ", "x" + password):
        assert not password_matches(other, hashed)


def test_every_byte_of_a_long_password_counts() -> None:
    hashed = password_hash(LONG + "a", "seed", cost=4)
    assert not password_matches(LONG + "b", hashed)


def test_the_salt_changes_with_the_seed_and_with_the_password() -> None:
    salts = {password_hash(password, seed, cost=4)[:29] for password in ("a", "b") for seed in ("s", "t")}
    assert len(salts) == 4


def test_the_hash_is_one_that_bcrypt_would_have_made() -> None:
    for number in range(50):
        hashed = password_hash("a", f"seed {number}", cost=4).encode()
        prepared = b"ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs="  # base64 of the SHA-256 of "a"
        assert bcrypt.hashpw(prepared, hashed) == hashed


@pytest.mark.parametrize("cost", [0, 3, 32])
def test_a_cost_that_bcrypt_does_not_have_is_refused(cost: int) -> None:
    with pytest.raises(ValueError, match=r"rounds|cost|salt"):
        password_hash("a", "seed", cost=cost)


@pytest.mark.parametrize("password", ["", "a", LONG])
def test_the_unmatched_hash_matches_nothing_and_is_well_formed(password: str) -> None:
    assert not password_matches(password, unmatched_hash(4))
    assert Account(name="a", password_hash=unmatched_hash(12), access=()).cost == 12
