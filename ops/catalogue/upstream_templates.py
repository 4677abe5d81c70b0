"""The six registries that most images are mirrored from, each with tags that make sense there: where a new entry begins."""

from __future__ import annotations

from dataclasses import dataclass

from ops.catalogue.errors import CatalogueError
from ops.catalogue.names import name_of
from ops.catalogue.wishes import Wishes
from ops.config import HUB

_VERSIONS = r"v?\d+\.\d+\.\d+"


@dataclass(frozen=True)
class Template:
    """What entries of a registry begin with.

    Attributes:
        name: What it is called on the command line.
        title: What people call it.
        registry: Its name in sources.
        example: A repository there.
        tags: Which tags are copied: those that its publishers give to releases.
        keep: How many of the highest versions are kept; 0 for all.
    """

    name: str
    title: str
    registry: str
    example: str
    tags: tuple[str, ...]
    keep: int = 0

    def source(self, text: str) -> str:
        """Return a source of this registry in full.

        Args:
            text: A repository or image, with its registry or without.

        Raises:
            CatalogueError: It is of another registry.
        """
        short = text.removeprefix(f"{self.registry}/")
        try:
            name = name_of(short if self.registry == HUB else f"{self.registry}/{short}")
        except ValueError as error:
            raise CatalogueError(f"source {error}") from None
        if name.registry != self.registry:
            raise CatalogueError(f"{text} is not of {self.registry}; give one such as {self.registry}/{self.example}")
        return str(name)

    def wishes(self, source: str) -> Wishes:
        """Return what an entry of it begins with; nothing for a single image.

        Args:
            source: Its source, as `source` returns it.
        """
        return Wishes() if name_of(source).is_image else Wishes(tags=self.tags, keep=self.keep or None)


TEMPLATES = (
    Template("hub", "Docker Hub", HUB, "library/postgres", (r"\d+\.\d+(\.\d+)?",), 3),
    Template("ghcr", "GitHub", "ghcr.io", "home-assistant/home-assistant", (_VERSIONS,), 3),
    Template("lscr", "LinuxServer.io", "lscr.io", "linuxserver/sonarr", (r"\d+\.\d+\.\d+",), 2),
    # Distroless images have no versions.
    Template("gcr", "Google", "gcr.io", "distroless/static-debian13", ("latest", "nonroot")),
    Template("quay", "Quay", "quay.io", "prometheus/prometheus", (_VERSIONS,), 3),
    Template("codeberg", "Codeberg", "codeberg.org", "forgejo/forgejo", (_VERSIONS,), 2),
)


def template_named(name: str) -> Template:
    """Return a template.

    Raises:
        CatalogueError: There is none of that name.
    """
    if found := next((one for one in TEMPLATES if name in {one.name, one.registry}), None):
        return found
    raise CatalogueError(f"there is no template {name!r}; there are {', '.join(one.name for one in TEMPLATES)}")


def template_of(registry: str) -> Template | None:
    """Return the template of a registry; None if there is none."""
    return next((one for one in TEMPLATES if one.registry == registry), None)
