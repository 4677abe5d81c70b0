"""What runs: one folder for each component, which takes arguments and gives containers. Its renderers are pure functions."""
