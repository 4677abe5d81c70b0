"""Starts `regops`: `python3 -m ops.cli`."""

from __future__ import annotations

import sys

from ops.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
