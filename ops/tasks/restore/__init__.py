"""Restores from a backup: into the running registry, or to a folder."""
