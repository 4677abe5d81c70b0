"""The program as it is, on a MOCK of the server; the place on Hetzner cannot be built by this version."""

import runpy
import sys
from pathlib import Path
from unittest import mock

PROJECT_FOLDER = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT_FOLDER))

from tests.production.host import MockServer  # noqa: E402  # the engine's Python does not know the project yet

with mock.patch("infra.project.make_host", MockServer):
    runpy.run_path(str(PROJECT_FOLDER / "__main__.py"), run_name="__main__")
