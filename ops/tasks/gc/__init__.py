"""Garbage collection: marking while nobody waits, then a sweep in short slices, during which writes are held."""
