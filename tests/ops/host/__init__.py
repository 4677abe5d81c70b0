"""Tests of ops/host."""
