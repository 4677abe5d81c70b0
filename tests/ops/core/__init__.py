"""Tests of ops/core."""
