"""What all files that the program renders and the host reads have in common: strict models, all problems reported at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from ops.core import exit_codes

HIGHEST_PORT = 65535
Port = Annotated[int, Field(ge=1, le=HIGHEST_PORT)]


class ConfigError(Exception):
    """The configuration is invalid. `problems` has one line per fault, with its key and, for files, the path."""

    exit_code = exit_codes.INVALID
    subject = "the configuration"

    def __init__(self, problems: list[str]) -> None:
        count = len(problems)
        head = f"{count} problem{'s' if count > 1 else ''} in {self.subject}:"
        super().__init__("\n".join([head, *(f"  - {problem}" for problem in problems)]))
        self.problems = problems


class Strict(BaseModel):
    """An immutable model that refuses unknown keys."""

    # Validators are built when a model is first used: a command uses a few of all the models that it imports.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


ModelT = TypeVar("ModelT", bound=BaseModel)


def load(path: Path, model: type[ModelT]) -> ModelT:
    """Read a JSON file that `render` wrote.

    Raises:
        ConfigError: With all problems, each with its file and key. Values are never shown, as they may be secret.
    """
    try:
        return model.model_validate_json(read(path))
    except ValidationError as error:
        problems = [f"{path}: {problem}" for problem in describe(error)]
    raise ConfigError(problems)


def read(path: Path) -> str:
    """Read a text file that the configuration names.

    Raises:
        ConfigError: It cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        problem = f"{path}: cannot be read: {error.strerror or error}"
    except UnicodeDecodeError:
        problem = f"{path}: is not UTF-8 text"
    raise ConfigError([problem])


def render(config: BaseModel) -> str:
    """Return the text of a configuration file. The same model always gives the same text."""
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
