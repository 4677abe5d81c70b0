"""One registry: its tree on disk, its HTTP API, its read-only mode, its snapshots."""
