"""The Hetzner place: what is rented, and how a bare server becomes a Host."""
