"""Snapshots of the registry's tree: copies made of hard links, which need folders but no space for content."""
