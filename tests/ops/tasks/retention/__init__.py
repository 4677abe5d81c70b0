"""Tests of ops/tasks/retention/."""
