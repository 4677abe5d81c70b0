"""Tests of restores into a running registry."""
