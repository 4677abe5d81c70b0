"""Tests of ops/tasks/budget/."""
