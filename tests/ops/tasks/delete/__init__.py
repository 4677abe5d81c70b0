"""Tests of ops/tasks/delete/."""
