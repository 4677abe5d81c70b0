"""What is mirrored: `catalogue.yml`, its names, its checks, and edits that leave every other line as it is."""
