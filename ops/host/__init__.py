"""This host: its release, folders and system files, what drifted, hot reloads."""
