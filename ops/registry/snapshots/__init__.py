"""Snapshots of the registry's tree: copies made of hard links, which cost folders and no content."""
