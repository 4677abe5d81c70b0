"""Who may do what (pull, push, delete): access to repositories, people, and accounts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from ops.config.base import Strict

Action = Literal["pull", "push", "delete"]
ACCOUNT_NAME = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$"
# A repository's name, as the OCI distribution specification defines it.
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REPOSITORY_NAME = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_REPOSITORIES = re.compile(rf"\*\*|{REPOSITORY_NAME}(?:/\*\*)?")
# Costs above 16 would keep a small host busy for seconds at every login.
_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}")


def _repositories(pattern: str) -> str:
    if not _REPOSITORIES.fullmatch(pattern):
        raise ValueError("should be a repository name, a prefix ending in /**, or ** for all repositories")
    return pattern


RepositoryPattern = Annotated[str, AfterValidator(_repositories)]


class Access(Strict):
    """What may be done with some repositories.

    Attributes:
        repositories: `name` (one repository), `prefix/**` (all below a prefix, but not one of that name), or `**` (all).
        actions: To push, one needs `pull` as well as `push`: the registry asks for both.
    """

    repositories: RepositoryPattern
    actions: Annotated[tuple[Action, ...], Field(min_length=1)]

    def covers(self, repository: str) -> bool:
        """Whether the pattern matches a repository name."""
        if self.repositories == "**":
            return True
        if self.repositories.endswith("/**"):
            return repository.startswith(self.repositories.removesuffix("**"))
        return repository == self.repositories


class Person(Strict):
    """Somebody with rights, by name or e-mail address. `catalog` allows listing all repositories."""

    name: Annotated[str, Field(pattern=ACCOUNT_NAME)]
    access: tuple[Access, ...]
    catalog: bool = False


class Account(Person):
    """Somebody who signs in. `ops.credentials.passwords` makes the hash. With `operator`, the protected pages are open too."""

    password_hash: Annotated[str, Field(repr=False)]
    operator: bool = False

    @field_validator("password_hash")
    @classmethod
    def _is_bcrypt(cls, value: str) -> str:
        if not _BCRYPT.fullmatch(value):
            raise ValueError("should be a bcrypt hash made by ops.credentials.passwords.password_hash")
        return value

    @property
    def cost(self) -> int:
        """The work factor of the password's hash: log2 of bcrypt's rounds."""
        match = _BCRYPT.fullmatch(self.password_hash)
        assert match is not None  # noqa: S101  # validated above
        return int(match["cost"])


def unique_names(names: Sequence[str]) -> None:
    """Check the names of accounts.

    Raises:
        ValueError: Two accounts have the same name.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"several accounts are called {', '.join(twice)}; give every account its own name")


class Rights(Strict):
    """The rights file: who may do what. The gateway takes a changed one in while it runs.

    All hashes have the same cost, so that the time of a refusal does not tell which names exist.

    Attributes:
        accounts: Who signs in with a password.
        anonymous: What clients may do without signing in. Accounts and people may do it too.
        people: Who may do what of those who sign on at the identity provider, by e-mail address in lower case. Everybody else who
            does counts as anonymous.
    """

    accounts: tuple[Account, ...]
    anonymous: tuple[Access, ...] = ()
    people: tuple[Person, ...] = ()

    @field_validator("accounts")
    @classmethod
    def _consistent(cls, accounts: tuple[Account, ...]) -> tuple[Account, ...]:
        unique_names([account.name for account in accounts])
        if len({account.cost for account in accounts}) > 1:
            raise ValueError("the password hashes differ in cost; use the same cost for all")
        return accounts
