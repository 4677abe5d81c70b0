"""Tests of ops/events."""
