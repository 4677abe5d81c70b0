"""Measures what docs/performance.md says; `make bench` runs it and writes the page."""
