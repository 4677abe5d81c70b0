"""Settings of the registry's web pages."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ops.config import Strict


class ConsoleSettings(Strict):
    """The console at `/`, for those who have signed on.

    Attributes:
        enabled: Whether it runs.
        public_status: Whether everybody sees at `/status` that the registry works, for how long it has, and when recovery was
            last proven; and nothing else.
    """

    enabled: bool = True
    public_status: bool = False


class UiSettings(Strict):
    """The registry UI at `/ui/`, for those who have signed on.

    Attributes:
        enabled: Whether it runs.
        title: The heading of all pages.
    """

    enabled: bool = True
    # The image inserts it into a page with sed: https://github.com/Joxit/docker-registry-ui/blob/2.6.0/bin/90-docker-registry-ui.sh
    title: Annotated[str, Field(pattern=r"^[\w .,:()-]{1,60}$")] = "Private registry"
