"""Mirroring: what the catalogue names is compared with upstream, and copied by regsync. See docs/mirror.md."""
