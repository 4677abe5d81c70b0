"""What the configurations of regsync and regbot have in common: their format, and how they describe registries.

Both ignore unknown keys: https://github.com/regclient/regclient/blob/v0.11.6/config/host.go
"""

from __future__ import annotations

from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Block(BaseModel):
    """A block of the configuration; its keys are in camel case."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, serialize_by_alias=True, populate_by_name=True
    )


class RegistryHost(Block):
    """A registry. User and password are templates, so that secrets stay in their files.

    With `repo_auth` each repository gets its own token. Without it one token covers all repositories used so far, until it asks
    for more than a token service grants. `regcert` has certificates (PEM) that are trusted besides the public ones.
    """

    registry: str
    tls: Literal["enabled", "disabled"] = "enabled"
    user: str | None = None
    password: Annotated[str | None, Field(alias="pass")] = None
    repo_auth: bool = True
    regcert: str | None = None


def from_file(path: str) -> str:
    """Return a template for the content of a file. A missing file counts as empty, not as an error."""
    return f'{{{{file "{path}" | trimSpace}}}}'


class _Dumper(yaml.SafeDumper):
    """Writes text with several lines as a block."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def render(config: Block) -> str:
    """Return the configuration file."""
    return yaml.dump(config.model_dump(mode="json", exclude_none=True), Dumper=_Dumper, sort_keys=False, width=1000)
