"""This host: its releases, folders, secrets and system files, their drift, and hot reloads."""
