"""Tests of restores from backups."""
