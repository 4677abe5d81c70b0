"""What is kept and told about each run of a task: history, metrics, pings."""
