"""The Hetzner place."""
