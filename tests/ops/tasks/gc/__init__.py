"""Tests of garbage collection."""
