"""Hetzner in containers: the API, servers and Storage Boxes that the program meets, without renting anything."""
