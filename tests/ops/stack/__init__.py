"""Tests of ops/stack."""
