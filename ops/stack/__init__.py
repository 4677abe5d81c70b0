"""One stack on this host: its release, its registry, its CrowdSec."""
