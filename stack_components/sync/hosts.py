"""What regsync and regbot have in common: how they write configuration, and what they know of registries.

Both ignore keys that they do not know: https://github.com/regclient/regclient/blob/v0.11.6/config/host.go
"""

from __future__ import annotations

from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Block(BaseModel):
    """A part of the configuration; its keys are written in camel case."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, serialize_by_alias=True, populate_by_name=True
    )


class RegistryHost(Block):
    """A registry. User and password are templates, so that secrets stay in their files.

    `repo_auth` asks for a token for each repository. Else one token would be for all repositories asked for so far, until it
    exceeds what token services grant at once.
    """

    registry: str
    tls: Literal["enabled", "disabled"] = "enabled"
    user: str | None = None
    password: Annotated[str | None, Field(alias="pass")] = None
    repo_auth: bool = True


def from_file(path: str) -> str:
    """Return a template for what a file holds. A missing file would be an empty text, and no error."""
    return f'{{{{file "{path}" | trimSpace}}}}'


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as it is."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def render(config: Block) -> str:
    """Return the configuration file."""
    return yaml.dump(config.model_dump(mode="json", exclude_none=True), Dumper=_Dumper, sort_keys=False, width=1000)
