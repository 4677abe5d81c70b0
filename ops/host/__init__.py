"""This host: its releases, folders, secrets and system files, their drift, hot reloads, and the rollout of containers."""
