"""What runs: one folder for each component, which turns arguments into containers. Its renderers are pure functions."""
