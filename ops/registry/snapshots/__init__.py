"""Snapshots of a registry: an index of each moment, and the trash that garbage collection fills."""
