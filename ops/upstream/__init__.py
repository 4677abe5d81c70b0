"""The registries that images are mirrored from."""
