"""Tests of ops/config."""
