"""Tests of ops/credentials."""
