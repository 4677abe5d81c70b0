"""What is recorded and reported about each run of a task: history, metrics, pings."""
