"""Tests of ops/tasks/doctor."""
