"""The typed contract between the program, which renders these files, and the host, which reads them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

Action = Literal["pull", "push", "delete"]
HIGHEST_PORT = 65535
Port = Annotated[int, Field(ge=1, le=HIGHEST_PORT)]

# What edge and gateway tell each other, and nobody else may: who is signed on, proof that the edge says so, and a cookie to set.
USER_HEADER = "X-Auth-Request-User"
EMAIL_HEADER = "X-Auth-Request-Email"
PROOF_HEADER = "X-Sign-On-Proof"
SET_COOKIE_HEADER = "X-Sign-On-Set-Cookie"
# The cookie of who is signed on; by TLS its name begins with `__Host-`.
SESSION_COOKIE = "sign-on"

ACCOUNT_NAME = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$"
# A repository's name, as the OCI distribution specification defines it.
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REPOSITORY_NAME = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_REPOSITORIES = re.compile(rf"\*\*|{REPOSITORY_NAME}(?:/\*\*)?")
# Costs above 16 would keep a small host busy for seconds at every login.
_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}")


class ConfigError(Exception):
    """The configuration is invalid; `problems` has one line for each fault, with its key and, for files, its file."""

    exit_code = 10
    subject = "the configuration"

    def __init__(self, problems: list[str]) -> None:
        count = len(problems)
        head = f"{count} problem{'s' if count > 1 else ''} in {self.subject}:"
        super().__init__("\n".join([head, *(f"  - {problem}" for problem in problems)]))
        self.problems = problems


class Strict(BaseModel):
    """A model that refuses keys that it does not know, and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _repositories(pattern: str) -> str:
    if not _REPOSITORIES.fullmatch(pattern):
        raise ValueError("should be a repository name, a prefix ending in /**, or ** for all repositories")
    return pattern


class Access(Strict):
    """What may be done with some repositories.

    Attributes:
        repositories: `name` (that one), `prefix/**` (all below the prefix at any depth, but not itself), or `**` (all).
        actions: Pushing needs `pull` as well as `push`: the registry asks for both.
    """

    repositories: Annotated[str, AfterValidator(_repositories)]
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
    """Somebody who signs in; the hash is made by `ops.passwords.password_hash`. `operator` opens the operators' pages too."""

    password_hash: Annotated[str, Field(repr=False)]
    operator: bool = False

    @field_validator("password_hash")
    @classmethod
    def _is_bcrypt(cls, value: str) -> str:
        if not _BCRYPT.fullmatch(value):
            raise ValueError("should be a bcrypt hash as made by ops.passwords.password_hash")
        return value

    @property
    def cost(self) -> int:
        """The work factor of the password's hash: log2 of bcrypt's rounds."""
        match = _BCRYPT.fullmatch(self.password_hash)
        assert match is not None  # noqa: S101  # validated above
        return int(match["cost"])


class Accounts(Strict):
    """The accounts file. All hashes have one cost, so that the time of a refusal does not tell which names exist."""

    accounts: tuple[Account, ...]

    @field_validator("accounts")
    @classmethod
    def _consistent(cls, accounts: tuple[Account, ...]) -> tuple[Account, ...]:
        names = [account.name for account in accounts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} named more than once; every account needs a name of its own")
        if len({account.cost for account in accounts}) > 1:
            raise ValueError("the password hashes differ in cost; hash all with the same one")
        return accounts


class FailureLimits(Strict):
    """How many failed logins are allowed in a moving window of `window_s` seconds.

    Both limits are about one client address: nobody can lock an account for others by guessing at it.

    Attributes:
        per_client: Failures of one client address, whatever the account.
        per_account: Failures of one client address at one account.
        window_s: Length of the window in seconds.
    """

    per_client: Annotated[int, Field(ge=1, le=1000)] = 30
    per_account: Annotated[int, Field(ge=1, le=1000)] = 10
    window_s: Annotated[int, Field(ge=1, le=86_400)] = 300


class SignOn(Strict):
    """Browsers that are signed on at the identity provider: the edge says whose they are, and proves that it is the edge.

    Attributes:
        proof_file: The secret that only the edge has.
        people: Who may do what; `name` is the e-mail address in lower case. Others are anybody.
    """

    proof_file: Path
    people: tuple[Person, ...]


class GatewayConfig(Strict):
    """What `python3 -m ops.gateway` reads.

    Attributes:
        listen_host: Address to listen on.
        listen_port: Port to listen on.
        issuer: `iss` of the tokens; the registry's `auth.token.issuer`.
        service: `aud` of the tokens; the registry's `auth.token.service`.
        token_lifetime_s: Seconds that a token is good for. The token specification demands at least 60.
        signing_key_file: The private key, PEM (`ops.keys.signing_key_from_seed`).
        accounts_file: An `Accounts` file.
        event_token_file: The secret the registry sends with its events.
        events_db: The SQLite database of events; its folder must be writable.
        failures: When failed logins are too many.
        anonymous: What clients may do without signing in; accounts may do it too.
        sign_on: None without an identity provider.
    """

    listen_host: str = "0.0.0.0"  # noqa: S104  # in a container; only the edge publishes ports
    listen_port: Port = 8080
    issuer: Annotated[str, Field(min_length=1)]
    service: Annotated[str, Field(min_length=1)]
    token_lifetime_s: Annotated[int, Field(ge=60, le=3600)] = 300
    signing_key_file: Path
    accounts_file: Path
    event_token_file: Path
    events_db: Path
    failures: FailureLimits = FailureLimits()
    anonymous: tuple[Access, ...] = ()
    sign_on: SignOn | None = None


ModelT = TypeVar("ModelT", bound=BaseModel)


def load(path: Path, model: type[ModelT]) -> ModelT:
    """Read a JSON file that `render` wrote.

    Raises:
        ConfigError: With every problem, each naming the file and the key. Values are never shown: they may be secret.
    """
    try:
        return model.model_validate_json(read(path))
    except ValidationError as error:
        problems = [f"{path}: {problem}" for problem in describe(error)]
    raise ConfigError(problems)


def read(path: Path) -> str:
    """Read a text file that the configuration names.

    Raises:
        ConfigError: It cannot be read or is no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        problem = f"{path}: cannot be read: {error.strerror or error}"
    except UnicodeDecodeError:
        problem = f"{path}: is not UTF-8 text"
    raise ConfigError([problem])


def render(config: BaseModel) -> str:
    """Return the text of a configuration file: the same model always gives the same text."""
    return config.model_dump_json(indent=2) + "\n"


def describe(error: ValidationError) -> list[str]:
    """Return one line for each fault, with its key and without the value."""
    return [describe_fault(fault) for fault in error.errors(include_url=False, include_input=False, include_context=False)]


def describe_fault(fault: ErrorDetails) -> str:
    """Return a line for one fault, with its key and without the value."""
    key = ".".join(str(step) for step in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    match fault["type"]:
        case "missing":
            message = "is required"
        case "extra_forbidden":
            message = "unknown key"
    return f"{key}: {message}" if key else message
