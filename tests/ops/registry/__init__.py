"""Tests of ops/registry."""
