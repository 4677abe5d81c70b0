"""Signing keys and password hashes."""
