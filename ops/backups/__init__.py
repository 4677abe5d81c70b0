"""Backups of a stack: what goes into one, and the repository of restic that keeps them."""
