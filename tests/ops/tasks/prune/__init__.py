"""Tests of prune."""
