"""Tests of ops/tasks."""
