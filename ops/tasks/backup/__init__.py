"""Backs the registry and the stack's state up while it is used."""
