"""Tests of ops.console."""
