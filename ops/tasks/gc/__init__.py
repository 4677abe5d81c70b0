"""Garbage collection in two phases: marking on a copy while pushes go on, then a short sweep while writes are refused."""
