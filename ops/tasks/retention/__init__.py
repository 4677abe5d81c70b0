"""Retention: old tags are deleted by rules. See docs/mirror.md."""
