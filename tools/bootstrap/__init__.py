"""Finds or sets up everything that `make up` needs, official where possible, and runs the engine on a local stack."""
