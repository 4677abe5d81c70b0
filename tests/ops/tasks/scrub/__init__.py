"""Tests of scrubs."""
