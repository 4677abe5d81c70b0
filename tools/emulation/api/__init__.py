"""A stateful stand-in for both Hetzner APIs, Cloud and Storage Boxes, on one base URL."""
