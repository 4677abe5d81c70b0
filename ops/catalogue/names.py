"""Names of images and repositories as regsync reads them, which is as Docker does, and the templates in them.

https://github.com/regclient/regclient/blob/v0.11.6/types/ref/ref.go
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ops.config import REPOSITORY_NAME, in_full

# A name's first part is a registry if it has a dot, a port or a capital, or is localhost.
_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_UPPER = "[a-zA-Z0-9-]*[A-Z][a-zA-Z0-9-]*"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})+\.?|{_LABEL}\.|{_UPPER}|\[[0-9a-fA-F:]+\]|localhost)(?::[0-9]+)?|{_LABEL}:[0-9]+"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_NAME = re.compile(
    rf"(?:(?P<registry>{_HOST})/)?(?P<repository>{REPOSITORY_NAME})(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?"
)
_REGISTRY = re.compile(_HOST)
_FOLDER = re.compile(r"(?:ocidir|ocifile)://.+")
_ENVIRONMENT = re.compile(r"""\{\{-?\s*env\s+(?:"(?P<quoted>[^"]*)"|`(?P<raw>[^`]*)`)\s*-?\}\}""")
_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)


@dataclass(frozen=True)
class Name:
    """The name of a repository or image, in full.

    Attributes:
        registry: Its registry; `docker.io` for Docker's short names.
        repository: Its path there.
        tag: Its tag, if one is given.
        digest: Its digest, if one is given.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        marks = "".join(mark + part for mark, part in ((":", self.tag), ("@", self.digest)) if part)
        return f"{self.registry}/{self.repository}{marks}"

    @property
    def is_image(self) -> bool:
        """Whether it names a single image."""
        return bool(self.tag or self.digest)


def name_of(text: str) -> Name:
    """Return a name in full.

    Raises:
        ValueError: It is none; the message says what would be.
    """
    parts = _NAME.fullmatch(text)
    if parts is None:
        lower = "; names of repositories are in lower case" if _NAME.fullmatch(text.lower()) else ""
        raise ValueError(f"{text!r} is no repository or image, such as docker.io/library/alpine or quay.io/org/app:1.2{lower}")
    registry, repository = parts["registry"], parts["repository"]
    if registry is None and repository.startswith("localhost/"):
        registry, _, repository = repository.partition("/")
    return Name(*in_full(registry, repository), parts["tag"], parts["digest"])


def is_registry(text: str) -> bool:
    """Whether a text names a registry, perhaps with a port."""
    return bool(_REGISTRY.fullmatch(text))


def is_folder(text: str) -> bool:
    """Whether a name is that of an OCI layout on a disk, which regsync reads and writes too."""
    return bool(_FOLDER.fullmatch(text))


def variables(text: str) -> list[str]:
    """Return which variables of the environment the templates in a text want."""
    return [found["quoted"] or found["raw"] or "" for found in _ENVIRONMENT.finditer(text)]


def filled_in(text: str, environment: Mapping[str, str]) -> str | None:
    """Return a text with the variables of its templates filled in; None if it has others, or variables that are not set."""
    if "{{" not in text:
        return text
    if not all(environment.get(name) for name in variables(text)):
        return None
    filled = _ENVIRONMENT.sub(lambda found: environment[found["quoted"] or found["raw"]], text)
    return None if _TEMPLATE.search(filled) else filled
