"""What runs: one folder for each concern. A component takes arguments and gives containers; its renderers are pure functions."""
