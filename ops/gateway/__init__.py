"""The gateway: the registry's token service and webhook receiver. One process, in a container of its own."""
