"""Scrubs the registry: compares blobs on the disk with their digests, and repairs damaged ones from the backups."""
