"""Restores into a running registry: what would come back, and how it does, while pulls go on."""
