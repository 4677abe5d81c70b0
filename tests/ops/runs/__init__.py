"""Tests of what is kept and told about each run of a task."""
