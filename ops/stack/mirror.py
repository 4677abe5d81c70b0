"""What a stack mirrors, as the catalogue on this host says it, and how the registries are reached that it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ops.catalogue.document import Document
from ops.catalogue.errors import CatalogueError
from ops.catalogue.model import Surroundings
from ops.catalogue.shipped import working_copy
from ops.catalogue.targets import upstreams_of
from ops.config import MIRROR_FOLDER, MirrorSettings
from ops.registry.client import Login
from ops.stack.places import tree_of
from ops.stack.stack import Stack
from ops.upstream.client import Upstream
from ops.upstream.cosign_program import CosignProgram, can_verify, cosign_program

if TYPE_CHECKING:
    from ops.upstream.cosign import Cosign

# Where cosign keeps sigstore's roots, and where the one that the settings name is kept.
SIGSTORE_FOLDER, _COSIGN_FOLDER = f"{MIRROR_FOLDER}/sigstore", f"{MIRROR_FOLDER}/bin"


def catalogue_of(stack: Stack) -> Document:
    """Return the catalogue of a stack, as it is on this host.

    Raises:
        CatalogueError: It is missing, or cannot be read.
    """
    path = working_copy(stack.root)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CatalogueError(f"{path} is missing; `bin/regops catalogue push` or `up` brings it") from None
    return Document.of(content, path)


def surroundings_of(settings: MirrorSettings) -> Surroundings:
    """Return what the catalogue of a host is checked against, and filled in with."""
    registries, verifies = frozenset(settings.registries), can_verify(settings.cosign)
    return Surroundings(registries, settings.into, settings.variables, of_host=True, verifies=verifies)


def mirrored_from(stack: Stack) -> Mapping[str, Sequence[str]]:
    """Return by repository here those that it is mirrored from, with their registries; none if the catalogue cannot be read."""
    if stack.config.sync is None:
        return stack.config.upstreams
    try:
        here = tree_of(stack).repository_names(lambda _: None)
        return upstreams_of(catalogue_of(stack), stack.config.sync.variables, here)
    except CatalogueError:
        return {}


def upstream_of(stack: Stack, registry: str) -> Upstream:
    """Return a registry that images are mirrored from, with the stack's login there and the certificates that vouch for it.

    Raises:
        ConfigError: The login cannot be read.
    """
    return Upstream(registry, _login(stack, registry), ca=stack.config.upstream_ca.get(registry))


def cosign_program_of(stack: Stack) -> CosignProgram | None:
    """Return the cosign that verifies what a stack mirrors; None if there is none on this host."""
    return cosign_program(stack.config.sync.cosign if stack.config.sync else None, stack.root / _COSIGN_FOLDER)


def cosign_of(stack: Stack, registry: str) -> Cosign | None:
    """Return what verifies the images of a registry that is mirrored from; None if there is no cosign on this host.

    Raises:
        ConfigError: The login cannot be read.
    """
    from ops.upstream.cosign import Cosign  # noqa: PLC0415  # few verify anything

    program, folder = cosign_program_of(stack), stack.root / SIGSTORE_FOLDER
    return Cosign(program, folder, registry, _login(stack, registry), stack.config.upstream_ca.get(registry)) if program else None


def _login(stack: Stack, registry: str) -> Login | None:
    pair = stack.config.upstream_logins.get(registry)
    return Login(*(stack.secret(secret).strip() for secret in pair)) if pair else None
