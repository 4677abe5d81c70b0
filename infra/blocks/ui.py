"""Settings of the registry's web pages."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ops.config import Strict


class UiSettings(Strict):
    """The registry UI at `/`, for those who have signed on. `title` is its heading."""

    enabled: bool = True
    # The image inserts it into a page with sed: https://github.com/Joxit/docker-registry-ui/blob/2.6.0/bin/90-docker-registry-ui.sh
    title: Annotated[str, Field(pattern=r"^[\w .,:()-]{1,60}$")] = "Private registry"
