"""Tests of backups being made and checked."""
