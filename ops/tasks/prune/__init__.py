"""Removes backups that have been kept for long enough."""
