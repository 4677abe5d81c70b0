"""The gateway: issues the registry's tokens and keeps its events. One process, in a container of its own."""
