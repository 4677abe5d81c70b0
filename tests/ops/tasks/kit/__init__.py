"""Tests of recovery kits."""
