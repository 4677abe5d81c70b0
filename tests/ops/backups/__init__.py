"""Tests of what a backup has, and of restic."""
