"""Exports one moment of the registry as plain files, in its own layout: to a folder, or by rsync to any server."""
