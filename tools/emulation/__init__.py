"""Hetzner in containers: the API, servers and Storage Boxes, without renting anything."""
