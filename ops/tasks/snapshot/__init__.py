"""Snapshots of the registry: created, deleted, and restored as a whole, by repository or by tag."""
