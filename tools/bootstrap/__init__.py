"""Finds or sets up all that `make up` needs, official first and offline second, and drives the engine for a local stack."""
